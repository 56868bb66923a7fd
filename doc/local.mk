# EXTRA_DIST += %D%/...
EXTRA_DIST += %D%/traces.md
if LIVE
dist_man_MANS += %D%/memtwin.1
endif
