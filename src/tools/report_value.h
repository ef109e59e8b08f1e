/* What report.c builds and report_print.c prints. */
#pragma once

#include "tools/report.h"

enum report_kind {
    REPORT_TEXT,   /* `shown` is the value */
    REPORT_RAW,    /* `raw` is JSON, people see `shown` */
    REPORT_OBJECT, /* members */
    REPORT_DETAILS,
    REPORT_TABLE, /* members are objects */
    REPORT_LIST,
};

struct report_value {
    struct list node; /* in its parent's members */
    struct report_value *parent;
    const char *name;
    enum report_kind kind;
    struct slice shown;
    struct slice raw;
    struct list members;
};
