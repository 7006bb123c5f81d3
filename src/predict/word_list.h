/*
 * word_list.h
 *		Distinct values of a column, numbered in the order in which they came.
 */
#ifndef CDP_PREDICT_WORD_LIST_H
#define CDP_PREDICT_WORD_LIST_H

#include "access/tupdesc.h"

typedef struct WordList
{
	MemoryContext context;
	Oid			type;			/* text, varchar, uuid, bigint, integer, smallint */
	int16		length;			/* of the type */
	bool		by_value;
	uint32		count;
	uint32		space;
	const char **bytes;			/* of each word */
	uint32	   *size;
	uint32	   *hash;
	uint32		slots;			/* a power of two */
	uint32	   *slot;			/* number + 1, or 0 */
	char	   *room;			/* what is left of the block at hand */
	Size		left;
} WordList;

/* raises 42804 unless values of the column can be words, that is, are equal when their bytes are */
extern void InitWords(WordList *list, MemoryContext context, TupleDesc desc, int column, const char *what);
extern uint32 WordNumber(WordList *list, Datum value);
extern Datum WordText(const WordList *list, uint32 number);

/* as memcmp: the order of text in collation C, of numbers by size */
extern int	CompareWords(const WordList *list, uint32 a, uint32 b);

#endif							/* CDP_PREDICT_WORD_LIST_H */
