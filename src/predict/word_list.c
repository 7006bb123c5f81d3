/*
 * word_list.c
 *		Distinct values of a column, numbered in the order in which they came.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "utils/lsyscache.h"

#include "predict/word_list.h"

#define BLOCK (256 * 1024)

void
InitWords(WordList *list, MemoryContext context, TupleDesc desc, int column, const char *what)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, column);
	Oid			type = getBaseType(attribute->atttypid);

	if (type != TEXTOID && type != VARCHAROID && type != UUIDOID && type != INT8OID && type != INT4OID && type != INT2OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d (\"%s\") of the query of %s is of type %s, not text, uuid or bigint",
						column + 1, NameStr(attribute->attname), what, format_type_be(attribute->atttypid)),
				 errhint("Cast it.")));
	memset(list, 0, sizeof(WordList));
	list->context = context;
	list->type = type;
	get_typlenbyval(type, &list->length, &list->by_value);
	list->slots = 1024;
	list->space = list->slots / 2;
	list->bytes = MemoryContextAlloc(context, list->space * sizeof(char *));
	list->size = MemoryContextAlloc(context, list->space * sizeof(uint32));
	list->hash = MemoryContextAlloc(context, list->space * sizeof(uint32));
	list->slot = MemoryContextAllocZero(context, list->slots * sizeof(uint32));
}

static void
Grow(WordList *list)
{
	if (list->slots > PG_UINT32_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u distinct values", list->count)));
	list->slots *= 2;
	list->space *= 2;
	list->bytes = repalloc_huge(list->bytes, (Size) list->space * sizeof(char *));
	list->size = repalloc_huge(list->size, (Size) list->space * sizeof(uint32));
	list->hash = repalloc_huge(list->hash, (Size) list->space * sizeof(uint32));
	pfree(list->slot);
	list->slot = MemoryContextAllocExtended(list->context, (Size) list->slots * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < list->count; i++)
	{
		uint32		place = list->hash[i] & (list->slots - 1);

		while (list->slot[place] != 0)
			place = (place + 1) & (list->slots - 1);
		list->slot[place] = i + 1;
	}
}

static const char *
Keep(WordList *list, const char *bytes, uint32 size)
{
	char	   *copy;

	if (size > BLOCK / 8)
		copy = MemoryContextAlloc(list->context, size);
	else
	{
		if (size > list->left)
		{
			list->room = MemoryContextAlloc(list->context, BLOCK);
			list->left = BLOCK;
		}
		copy = list->room;
		list->room += size;
		list->left -= size;
	}
	memcpy(copy, bytes, size);
	return copy;
}

uint32
WordNumber(WordList *list, Datum value)
{
	const char *bytes;
	uint32		size,
				hash,
				place;
	int64		number;

	if (list->by_value)
	{
		number = list->length == 8 ? DatumGetInt64(value) :
			list->length == 4 ? DatumGetInt32(value) : DatumGetInt16(value);
		bytes = (const char *) &number;
		size = sizeof(number);
	}
	else if (list->length > 0)
	{
		bytes = DatumGetPointer(value);
		size = list->length;
	}
	else
	{
		struct varlena *word = PG_DETOAST_DATUM_PACKED(value);

		bytes = VARDATA_ANY(word);
		size = VARSIZE_ANY_EXHDR(word);
	}
	hash = hash_bytes((const unsigned char *) bytes, size);
	for (place = hash & (list->slots - 1); list->slot[place] != 0; place = (place + 1) & (list->slots - 1))
	{
		uint32		i = list->slot[place] - 1;

		if (list->hash[i] == hash && list->size[i] == size && memcmp(list->bytes[i], bytes, size) == 0)
			return i;
	}
	if (list->count == list->space)
	{
		Grow(list);
		for (place = hash & (list->slots - 1); list->slot[place] != 0; place = (place + 1) & (list->slots - 1))
			;
	}
	list->bytes[list->count] = Keep(list, bytes, size);
	list->size[list->count] = size;
	list->hash[list->count] = hash;
	list->slot[place] = ++list->count;
	return list->count - 1;
}

Datum
WordText(const WordList *list, uint32 number)
{
	int64		value;

	if (list->type == UUIDOID)
		return DirectFunctionCall1(textin, DirectFunctionCall1(uuid_out, PointerGetDatum(list->bytes[number])));
	if (!list->by_value)
		return PointerGetDatum(cstring_to_text_with_len(list->bytes[number], list->size[number]));
	memcpy(&value, list->bytes[number], sizeof(value));
	return CStringGetTextDatum(psprintf(INT64_FORMAT, value));
}

int
CompareWords(const WordList *list, uint32 a, uint32 b)
{
	int			order;

	if (list->by_value)
	{
		int64		left,
					right;

		memcpy(&left, list->bytes[a], sizeof(left));
		memcpy(&right, list->bytes[b], sizeof(right));
		return left < right ? -1 : left > right ? 1 : 0;
	}
	order = memcmp(list->bytes[a], list->bytes[b], Min(list->size[a], list->size[b]));
	if (order != 0)
		return order;
	return list->size[a] < list->size[b] ? -1 : list->size[a] > list->size[b] ? 1 : 0;
}
