/* report.h - certbroker audit report: what a log says about a span of time, as one page of HTML, as
 * text, or as JSON. Public surface of broker/report. */
#ifndef BROKER_REPORT_REPORT_H
#define BROKER_REPORT_REPORT_H

#include "broker/cli/command.h"

extern const struct command report_audit_report;

#endif
