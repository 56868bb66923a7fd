#include "base/status.h"

#define NAME(status) [status] = #status

static const char *const names[MM_STATUS_COUNT] = {
    NAME(MM_OK),
    NAME(MM_NO_MEMORY),
    NAME(MM_NOT_CANONICAL),
    NAME(MM_NOT_ALIGNED),
    NAME(MM_BAD_RANGE),
    NAME(MM_BAD_ARGUMENT),
    NAME(MM_ALREADY_MAPPED),
    NAME(MM_NOT_MAPPED),
    NAME(MM_HUGE_PAGE),
    NAME(MM_SMALL_PAGES),
    NAME(MM_OVERLAP),
    NAME(MM_NOT_ALLOCATED),
    NAME(MM_NOT_MANAGED),
    NAME(MM_NO_REGION),
    NAME(MM_REFUSED),
    NAME(MM_BAD_MAP),
};

const char *mm_status_name(enum mm_status status) {
    if ((unsigned)status >= MM_STATUS_COUNT) {
        return "MM_?";
    }
    return names[status];
}
