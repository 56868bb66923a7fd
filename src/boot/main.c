/*
 * memtwin-kernel: the main job of the host program, on bare metal.
 */
#include "boot/boot.h"
#include "replay/replay.h"

_Noreturn void kernel_main(const struct hw_boot *boot) {
    replay_main(boot);
}
