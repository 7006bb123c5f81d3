/*
 * query.h
 *		Rows of a caller's query, straight from the executor.
 */
#ifndef CDP_PREDICT_QUERY_H
#define CDP_PREDICT_QUERY_H

#include "executor/tuptable.h"
#include "tcop/dest.h"

/*
 * What takes the rows: the first field of a struct of the caller's.  Fill in
 * rStartup (it sees the columns) and receiveSlot.
 */
extern void InitReceiver(DestReceiver *receiver,
						 void (*start) (DestReceiver *self, int operation, TupleDesc desc),
						 bool (*receive) (TupleTableSlot *slot, DestReceiver *self));

/*
 * Runs one query that only reads, with the rights, the search_path and the
 * snapshot of the statement that called.  what: how errors call it.
 */
extern void ReadQuery(const char *sql, const char *what, DestReceiver *receiver);

#endif							/* CDP_PREDICT_QUERY_H */
