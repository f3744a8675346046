/* findings.h - inside broker/report only: what a reader should look at first, each in a sentence. */
#ifndef BROKER_REPORT_FINDINGS_H
#define BROKER_REPORT_FINDINGS_H

#include "broker/report/model.h"

#define FINDINGS_MAX 40U

enum finding_level { FINDING_ALERT, FINDING_LOOK, FINDING_NOTE };

struct finding {
    enum finding_level level;
    const char *section; /* where it is told at length: "loose", "log", ... */
    struct slice text;   /* ours, with texts of the log in it: any bytes */
};

/* findings_of - alerts first; how many. Texts live as long as the report. */
size_t findings_of(struct report *r, struct finding out[FINDINGS_MAX]);
const char *finding_level_word(enum finding_level level); /* "alert", "look", "note" */

#endif
