/*
 * json.h
 *		Messages as trees: JSON read once, looked into many times.
 */
#ifndef CDP_JSON_H
#define CDP_JSON_H

typedef enum JsonKind
{
	JSON_NODE_NULL,
	JSON_NODE_BOOL,
	JSON_NODE_NUMBER,
	JSON_NODE_STRING,
	JSON_NODE_ARRAY,
	JSON_NODE_OBJECT
} JsonKind;

typedef struct JsonNode
{
	JsonKind	kind;
	bool		boolean;		/* of JSON_NODE_BOOL */
	const char *key;			/* when a member of an object */
	int			key_len;
	const char *text;			/* string, or number as written; not terminated */
	int			len;
	struct JsonNode *first;		/* elements or members, in the order written */
	struct JsonNode *last;
	struct JsonNode *next;		/* sibling */
	int			count;
	const char *raw;			/* slice of the source, or NULL */
	int			raw_len;
} JsonNode;

/* what was mended while reading */
#define JSON_MENDED_CHARACTER	0x01	/* \u0000 or a lone surrogate became U+FFFD */
#define JSON_MENDED_KEY			0x02	/* a key stood twice: the last one counts */
#define JSON_MENDED_NUMBER		0x04	/* a number beyond numeric became text */

#define JSON_MAX_DEPTH			512
#define JSON_MAX_NUMBER_LENGTH	10000
#define JSON_MAX_EXPONENT		1000

typedef struct JsonError
{
	int			sqlstate;
	char		message[200];
} JsonError;

extern JsonNode *JsonParse(const char *text, int len, int *mended, JsonError *error);
extern JsonNode *JsonFromJsonb(Jsonb *jsonb);
extern JsonNode *JsonMember(const JsonNode *object, const char *key);
extern JsonNode *JsonPath(const JsonNode *root, const char *path);
extern void JsonAppend(StringInfo buf, const JsonNode *node);
extern Jsonb *JsonToJsonb(const JsonNode *node);
extern Jsonb *JsonToJsonbExcept(const JsonNode *object, const char *const *keys, int nkeys);
extern char *JsonCString(const JsonNode *node);

static inline bool
JsonIsText(const JsonNode *node)
{
	return node != NULL && node->kind == JSON_NODE_STRING;
}

static inline bool
JsonIsObject(const JsonNode *node)
{
	return node != NULL && node->kind == JSON_NODE_OBJECT;
}

static inline bool
JsonKeyIs(const JsonNode *node, const char *key)
{
	int			len = strlen(key);

	return node->key_len == len && memcmp(node->key, key, len) == 0;
}

#endif							/* CDP_JSON_H */
