/*
 * settings.h
 *		Session settings (GUCs), and the rows of cdp.setting.
 *
 * A GUC only tunes a session.  Whatever shapes stored data or what readers
 * see is a row of cdp.setting, so that sessions agree and a dump carries it.
 */
#ifndef CDP_SETTINGS_H
#define CDP_SETTINGS_H

extern void DefineSettings(void);

/* cdp.source: default of inbox.source */
extern char *setting_source;

/* cdp.name_threshold: similarity from which on ~= holds for names of persons */
extern double setting_name_threshold;

/* cdp.max_aggregate_events: events that one group of an aggregate may keep */
extern int	setting_max_aggregate_events;

/* cdp.report_filter: what the report views look at */
extern char *setting_report_filter;

#endif							/* CDP_SETTINGS_H */
