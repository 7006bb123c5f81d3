/*
 * trait_type.h
 *		Types of registered traits: what a JSON value says as one of them.
 */
#ifndef CDP_TRAIT_TYPE_H
#define CDP_TRAIT_TYPE_H

#include "core/core.h"

#include "utils/date.h"

typedef enum TraitType
{
	TRAIT_TYPE_NONE,			/* not registered: values are what they are */
	TRAIT_TYPE_TEXT,
	TRAIT_TYPE_BIGINT,
	TRAIT_TYPE_FLOAT8,
	TRAIT_TYPE_BOOLEAN,
	TRAIT_TYPE_DATE,
	TRAIT_TYPE_TIMESTAMPTZ,
	TRAIT_TYPE_TEXT_ARRAY
} TraitType;

/* False for a name that is none. */
extern bool ParseTraitType(const char *name, int length, TraitType *type);

/* What a value says as a column's value; false when it does not fit. */
extern text *ReadTraitText(const JsonbValue *value);
extern bool ReadTraitBigint(const JsonbValue *value, int64 *result);
extern bool ReadTraitFloat8(const JsonbValue *value, double *result);
extern bool ReadTraitBoolean(const JsonbValue *value, bool *result);
extern bool ReadTraitTime(const JsonbValue *value, DateADT *date, Timestamp *time);
extern ArrayType *ReadTraitTextArray(const JsonbValue *value);

/*
 * The value as JSON of its type, in memory of the current context where it is
 * not the value itself.  When the value does not fit, it stays what it is,
 * and the result is false.
 */
extern bool FitTraitValue(TraitType type, const JsonbValue *value, JsonbValue *fitted);

#endif							/* CDP_TRAIT_TYPE_H */
