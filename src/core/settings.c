/*
 * settings.c
 *		All session settings on one page.
 */
#include "core/core.h"

#include "utils/guc.h"

#include "core/settings.h"

char	   *setting_source = NULL;
double		setting_name_threshold = 0.85;
int			setting_max_aggregate_events = 5000000;
char	   *setting_report_filter = NULL;

void
DefineSettings(void)
{
	DefineCustomStringVariable("cdp.source",
							   "Source of the messages that this session copies into cdp.inbox.",
							   "Used as the default of inbox.source.",
							   &setting_source,
							   NULL,
							   PGC_USERSET,
							   0,
							   NULL, NULL, NULL);
	DefineCustomRealVariable("cdp.name_threshold",
							 "Similarity from which on names of persons are similar (operator ~=).",
							 "From 0 to 1; the similarity is that of cdp.name_similarity().",
							 &setting_name_threshold,
							 0.85, 0.0, 1.0,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	/* a state is one allocation, of 16 bytes an event, below a gigabyte */
	DefineCustomIntVariable("cdp.max_aggregate_events",
							"Events that one group of window_funnel, sequence_match or attribution may keep.",
							"About 16 bytes each, doubled while the group grows; a greater group raises 54000.",
							&setting_max_aggregate_events,
							5000000, 1, 30000000,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomStringVariable("cdp.report_filter",
							   "What the report views look at, as the report functions set it for their query.",
							   "JSON: {\"from\", \"to\", \"segment\", \"source\", \"channel\"}, each may be missing; it takes nothing off what a reader may see.",
							   &setting_report_filter,
							   "",
							   PGC_USERSET,
							   0,
							   NULL, NULL, NULL);
	MarkGUCPrefixReserved("cdp");
}
