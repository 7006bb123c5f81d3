/*
 * progress.h
 *		How far a step of refresh() is, for other sessions to see.
 */
#ifndef CDP_PROGRESS_H
#define CDP_PROGRESS_H

extern void StartProgress(int64 rows_before);
extern void StopProgress(void);
extern void ReportProgress(int64 rows);

#endif							/* CDP_PROGRESS_H */
