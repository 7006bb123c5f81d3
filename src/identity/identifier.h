/*
 * identifier.h
 *		Identifier types, their rules, and how a value becomes canonical.
 */
#ifndef CDP_IDENTIFIER_H
#define CDP_IDENTIFIER_H

#define MAX_IDENTIFIER_LENGTH 512
#define MAX_IDENTIFIER_TYPES 64

typedef enum Normalizer
{
	NORMALIZE_TEXT,
	NORMALIZE_LOWER,
	NORMALIZE_EMAIL,
	NORMALIZE_PHONE
} Normalizer;

typedef struct IdentifierType
{
	char	   *name;
	Normalizer	normalizer;
	int			priority;
	int			max_per_profile;	/* 0: no limit */
	int			max_people;		/* 0: no limit */
	bool		is_unique;
	bool		is_personal;
} IdentifierType;

typedef struct BlockedPattern
{
	int			type;			/* index of the type, or -1: every type */
	bool		is_regex;
	text	   *pattern;		/* folded when not a regex */
} BlockedPattern;

typedef struct IdentifierRules
{
	int			ntypes;
	IdentifierType *types;		/* strongest first */
	int			nblocked;
	BlockedPattern *blocked;
	char	   *default_region; /* NULL: none */
} IdentifierRules;

typedef enum IdentifierVerdict
{
	IDENTIFIER_OK,
	IDENTIFIER_EMPTY,
	IDENTIFIER_BLOCKED,
	IDENTIFIER_INVALID
} IdentifierVerdict;

extern IdentifierRules *LoadIdentifierRules(void);
extern int	FindIdentifierType(const IdentifierRules *rules, const char *name, int len);
extern IdentifierVerdict NormalizeIdentifier(const IdentifierRules *rules, int type,
											 const char *value, int len, const char *region,
											 StringInfo canonical, const char **reason);
extern void IdentityKey(pg_uuid_t *key, const IdentifierType *type, const char *canonical, int len);

#endif							/* CDP_IDENTIFIER_H */
