/*
 * rowset.h
 *		Rows made in C that SQL statements can read by name, and cached plans.
 *
 * A rowset is a tuplestore registered with SPI as an ephemeral named
 * relation, the mechanism behind transition tables: "INSERT INTO cdp.event
 * SELECT … FROM batch_event" reads rows that no table ever held.  Beyond
 * work_mem it spills to disk, so a batch's memory is bounded.
 */
#ifndef CDP_ROWSET_H
#define CDP_ROWSET_H

#include "executor/spi.h"
#include "utils/tuplestore.h"

typedef struct RowsetColumn
{
	const char *name;
	Oid			type;
} RowsetColumn;

typedef struct Rowset
{
	const char *name;
	TupleDesc	desc;
	Tuplestorestate *store;
	uint64		rows;
	EphemeralNamedRelation registered;	/* or NULL */
	Datum		values[24];
	bool		nulls[24];
} Rowset;

extern Rowset *RowsetCreate(const char *name, const RowsetColumn *columns, int ncolumns);
extern void RowsetAdd(Rowset *rowset);	/* adds values/nulls, then clears them */
extern void RowsetRegister(Rowset *rowset);
extern void RowsetDrop(Rowset *rowset);

static inline void
RowsetSet(Rowset *rowset, int column, Datum value)
{
	rowset->values[column] = value;
	rowset->nulls[column] = false;
}

/*
 * A statement whose plan is kept for the life of the session.  Up to eight
 * parameter types, ended by InvalidOid.
 */
typedef struct Statement
{
	const char *sql;
	Oid			types[9];
	SPIPlanPtr	plan;
} Statement;

/* runs it; raises when the tables are missing or the result is not the expected kind */
extern int	StatementRun(Statement *statement, Datum *values, const char *nulls);

/* a statement without results that is planned anew each time */
extern void RunSql(const char *sql);

#endif							/* CDP_ROWSET_H */
