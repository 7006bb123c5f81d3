/*
 * json.c
 *		Reads a JSON text into a tree in one pass, and turns trees into jsonb.
 *
 * Why not the server's own parser: it refuses a whole message for one \u0000
 * or lone surrogate, which client libraries do send; and it reports errors by
 * raising them, while a batch wants to set one message aside and go on.
 *
 * Strings without escapes stay slices of the source, so the source must live
 * as long as the tree.  Everything is allocated in the current context.
 * Depth, number length and exponent are bounded (json.h): an eight-byte
 * "1e131000" must not become 65 kB of numeric.
 */
#include "core/core.h"

#include "utils/json.h"

#include "core/json.h"

typedef struct Reader
{
	const char *start;
	const char *at;
	const char *end;
	int			depth;
	int			mended;
	JsonError  *error;
	JsonNode   *slab;
	int			slab_left;
} Reader;

static bool ReadValue(Reader *r, JsonNode *node);

static JsonNode *
NewNode(Reader *r)
{
	if (r->slab_left == 0)
	{
		r->slab_left = 32;
		r->slab = palloc0(sizeof(JsonNode) * r->slab_left);
	}
	r->slab_left--;
	return r->slab++;
}

/* Notes what is wrong and where; always returns false. */
static bool
Fail(Reader *r, const char *expected)
{
	long		position = pg_mbstrlen_with_len(r->start, r->at - r->start) + 1;

	r->error->sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION;
	if (r->at >= r->end)
		snprintf(r->error->message, sizeof(r->error->message),
				 "invalid JSON: %s expected, but the text ends at character %ld", expected, position);
	else if ((unsigned char) *r->at < 0x20 || (unsigned char) *r->at >= 0x7f)
		snprintf(r->error->message, sizeof(r->error->message),
				 "invalid JSON: %s expected at character %ld", expected, position);
	else
		snprintf(r->error->message, sizeof(r->error->message),
				 "invalid JSON: %s expected at character %ld, found \"%c\"", expected, position, *r->at);
	return false;
}

static inline void
SkipBlanks(Reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
}

static inline int
HexDigit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits after \u, or -1. */
static int
ReadHex4(const char *p, const char *end)
{
	int			value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = HexDigit(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/*
 * One \uXXXX escape (r->at is at its digits).  A surrogate pair is joined; a
 * lone surrogate and NUL become U+FFFD.
 */
static bool
ReadUnicodeEscape(Reader *r, char **out)
{
	int			code = ReadHex4(r->at, r->end);

	if (code < 0)
		return Fail(r, "four hexadecimal digits");
	r->at += 4;
	if (code >= 0xD800 && code <= 0xDBFF)
	{
		int			low = -1;

		if (r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u')
			low = ReadHex4(r->at + 2, r->end);
		if (low >= 0xDC00 && low <= 0xDFFF)
		{
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			r->at += 6;
		}
		else
			code = 0xFFFD;
	}
	else if (code == 0 || (code >= 0xDC00 && code <= 0xDFFF))
		code = 0xFFFD;
	if (code == 0xFFFD)
		r->mended |= JSON_MENDED_CHARACTER;
	unicode_to_utf8(code, (unsigned char *) *out);
	*out += pg_utf_mblen((unsigned char *) *out);
	return true;
}

/* The rest of a string from its first escape on: copied, since it changes. */
static bool
ReadEscapedString(Reader *r, const char *from, const char **text, int *len)
{
	const char *close = r->at;
	char	   *out;
	char	   *copy;

	/* find the end first, so that the copy has room: escapes only shrink */
	while (close < r->end && *close != '"')
		close += (*close == '\\' && close + 1 < r->end) ? 2 : 1;
	copy = palloc(close - from + 8);
	memcpy(copy, from, r->at - from);
	out = copy + (r->at - from);
	while (r->at < r->end && *r->at != '"')
	{
		if ((unsigned char) *r->at < 0x20)
			return Fail(r, "a string without control characters");
		if (*r->at != '\\')
		{
			*out++ = *r->at++;
			continue;
		}
		r->at++;
		if (r->at >= r->end)
			return Fail(r, "an escape");
		switch (*r->at++)
		{
			case '"':
				*out++ = '"';
				break;
			case '\\':
				*out++ = '\\';
				break;
			case '/':
				*out++ = '/';
				break;
			case 'b':
				*out++ = '\b';
				break;
			case 'f':
				*out++ = '\f';
				break;
			case 'n':
				*out++ = '\n';
				break;
			case 'r':
				*out++ = '\r';
				break;
			case 't':
				*out++ = '\t';
				break;
			case 'u':
				if (!ReadUnicodeEscape(r, &out))
					return false;
				break;
			default:
				r->at--;
				return Fail(r, "an escape");
		}
	}
	if (r->at >= r->end)
		return Fail(r, "\"");
	*text = copy;
	*len = out - copy;
	r->at++;
	return true;
}

static bool
ReadString(Reader *r, const char **text, int *len)
{
	const char *from = ++r->at;

	while (r->at < r->end)
	{
		unsigned char c = *r->at;

		if (c == '"')
		{
			*text = from;
			*len = r->at - from;
			r->at++;
			return true;
		}
		if (c == '\\')
			return ReadEscapedString(r, from, text, len);
		if (c < 0x20)
			return Fail(r, "a string without control characters");
		r->at++;
	}
	return Fail(r, "\"");
}

static bool
ReadDigits(Reader *r)
{
	if (r->at >= r->end || *r->at < '0' || *r->at > '9')
		return Fail(r, "a digit");
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return true;
}

static bool
ReadNumber(Reader *r, JsonNode *node)
{
	const char *from = r->at;
	long		exponent = 0;

	if (*r->at == '-')
		r->at++;
	if (r->at < r->end && *r->at == '0')
		r->at++;
	else if (!ReadDigits(r))
		return false;
	if (r->at < r->end && *r->at == '.')
	{
		r->at++;
		if (!ReadDigits(r))
			return false;
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E'))
	{
		const char *digits;

		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		digits = r->at;
		if (!ReadDigits(r))
			return false;
		for (; digits < r->at && exponent <= JSON_MAX_EXPONENT; digits++)
			exponent = exponent * 10 + (*digits - '0');
	}
	node->kind = JSON_NODE_NUMBER;
	node->text = from;
	node->len = r->at - from;
	if (exponent > JSON_MAX_EXPONENT || node->len > JSON_MAX_NUMBER_LENGTH)
	{
		node->kind = JSON_NODE_STRING;
		r->mended |= JSON_MENDED_NUMBER;
	}
	return true;
}

static bool
ReadWord(Reader *r, const char *word)
{
	int			len = strlen(word);

	if (r->end - r->at < len || memcmp(r->at, word, len) != 0)
		return Fail(r, "a value");
	r->at += len;
	return true;
}

static int
CompareKeys(const void *a, const void *b)
{
	const JsonNode *x = *(JsonNode *const *) a;
	const JsonNode *y = *(JsonNode *const *) b;

	int			order;

	if (x->key_len != y->key_len)
		return x->key_len < y->key_len ? -1 : 1;
	order = memcmp(x->key, y->key, x->key_len);
	/* of one key, by the place in the text */
	return order != 0 ? order : (x->raw > y->raw) - (x->raw < y->raw);
}

/* Takes the marked members, whose key_len is -1, out of an object. */
static void
DropMarkedMembers(JsonNode *object)
{
	JsonNode  **link = &object->first;

	object->last = NULL;
	for (JsonNode *child = object->first; child; child = child->next)
	{
		if (child->key_len < 0)
		{
			object->count--;
			continue;
		}
		*link = child;
		link = &child->next;
		object->last = child;
	}
	*link = NULL;
}

/*
 * Where a key stands twice, the last member counts: the others go.  Quadratic
 * while small, else sorted.
 */
static bool
DropOverriddenMembers(JsonNode *object)
{
	JsonNode  **sorted;
	int			n = 0;
	bool		found = false;

	if (object->count <= 16)
	{
		for (JsonNode *a = object->first; a; a = a->next)
			for (JsonNode *b = a->next; b && a->key_len >= 0; b = b->next)
				if (a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0)
				{
					a->key_len = -1;
					found = true;
				}
	}
	else
	{
		sorted = palloc(sizeof(JsonNode *) * object->count);
		for (JsonNode *a = object->first; a; a = a->next)
			sorted[n++] = a;
		qsort(sorted, n, sizeof(JsonNode *), CompareKeys);
		for (int i = 1; i < n; i++)
			if (sorted[i - 1]->key_len == sorted[i]->key_len &&
				memcmp(sorted[i - 1]->key, sorted[i]->key, sorted[i]->key_len) == 0)
			{
				sorted[i - 1]->key_len = -1;
				found = true;
			}
		pfree(sorted);
	}
	if (found)
		DropMarkedMembers(object);
	return found;
}

/* An array or an object: r->at is behind its bracket. */
static bool
ReadContainer(Reader *r, JsonNode *node, char close)
{
	if (++r->depth > JSON_MAX_DEPTH)
	{
		r->error->sqlstate = ERRCODE_STATEMENT_TOO_COMPLEX;
		snprintf(r->error->message, sizeof(r->error->message),
				 "JSON is nested deeper than %d levels", JSON_MAX_DEPTH);
		return false;
	}
	CHECK_FOR_INTERRUPTS();
	SkipBlanks(r);
	if (r->at < r->end && *r->at == close)
	{
		r->at++;
		r->depth--;
		return true;
	}
	for (;;)
	{
		JsonNode   *child = NewNode(r);

		SkipBlanks(r);
		if (close == '}')
		{
			if (r->at >= r->end || *r->at != '"')
				return Fail(r, "a key in double quotes");
			if (!ReadString(r, &child->key, &child->key_len))
				return false;
			SkipBlanks(r);
			if (r->at >= r->end || *r->at != ':')
				return Fail(r, "\":\"");
			r->at++;
		}
		if (!ReadValue(r, child))
			return false;
		if (node->last)
			node->last->next = child;
		else
			node->first = child;
		node->last = child;
		node->count++;
		SkipBlanks(r);
		if (r->at < r->end && *r->at == ',')
		{
			r->at++;
			continue;
		}
		if (r->at < r->end && *r->at == close)
			break;
		return Fail(r, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
	}
	r->at++;
	r->depth--;
	if (close == '}' && DropOverriddenMembers(node))
		r->mended |= JSON_MENDED_KEY;
	return true;
}

static bool
ReadValue(Reader *r, JsonNode *node)
{
	bool		ok;

	SkipBlanks(r);
	if (r->at >= r->end)
		return Fail(r, "a value");
	node->raw = r->at;
	switch (*r->at)
	{
		case '{':
			node->kind = JSON_NODE_OBJECT;
			r->at++;
			ok = ReadContainer(r, node, '}');
			break;
		case '[':
			node->kind = JSON_NODE_ARRAY;
			r->at++;
			ok = ReadContainer(r, node, ']');
			break;
		case '"':
			node->kind = JSON_NODE_STRING;
			ok = ReadString(r, &node->text, &node->len);
			break;
		case 't':
			node->kind = JSON_NODE_BOOL;
			node->boolean = true;
			ok = ReadWord(r, "true");
			break;
		case 'f':
			node->kind = JSON_NODE_BOOL;
			ok = ReadWord(r, "false");
			break;
		case 'n':
			node->kind = JSON_NODE_NULL;
			ok = ReadWord(r, "null");
			break;
		default:
			if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
				ok = ReadNumber(r, node);
			else
				ok = Fail(r, "a value");
	}
	if (ok)
		node->raw_len = r->at - node->raw;
	return ok;
}

/*
 * Reads one document.  Returns NULL with *error set when the text is none;
 * *mended collects what was changed on the way.  The bytes must be valid in
 * UTF-8, which is the caller's to check.
 */
JsonNode *
JsonParse(const char *text, int len, int *mended, JsonError *error)
{
	Reader		r = {0};
	JsonNode   *root;

	r.start = r.at = text;
	r.end = text + len;
	r.error = error;
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		r.at += 3;				/* byte order mark */
	root = NewNode(&r);
	if (!ReadValue(&r, root))
		return NULL;
	SkipBlanks(&r);
	if (r.at < r.end)
	{
		Fail(&r, "the end of the text");
		return NULL;
	}
	*mended |= r.mended;
	return root;
}

/* A scalar of a jsonb as a node; containers come by their own tokens. */
static void
ScalarFromJsonb(JsonNode *node, const JsonbValue *v)
{
	switch (v->type)
	{
		case jbvString:
			node->kind = JSON_NODE_STRING;
			node->text = v->val.string.val;
			node->len = v->val.string.len;
			break;
		case jbvNumeric:
			node->kind = JSON_NODE_NUMBER;
			node->text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric)));
			node->len = strlen(node->text);
			break;
		case jbvBool:
			node->kind = JSON_NODE_BOOL;
			node->boolean = v->val.boolean;
			break;
		default:
			node->kind = JSON_NODE_NULL;
	}
}

static void
AddChild(JsonNode *parent, JsonNode *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

/*
 * The tree of a jsonb, or NULL when it is nested deeper than JSON_MAX_DEPTH.
 * Strings point into the jsonb.
 */
JsonNode *
JsonFromJsonb(Jsonb *jsonb)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	v;
	JsonNode   *stack[JSON_MAX_DEPTH + 1];
	int			depth = 0;
	bool		raw_scalar = JB_ROOT_IS_SCALAR(jsonb);
	JsonNode   *root = palloc0(sizeof(JsonNode));
	const char *key = NULL;
	int			key_len = 0;
	Reader		r = {0};

	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		JsonNode   *node;

		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_KEY:
				key = v.val.string.val;
				key_len = v.val.string.len;
				break;
			case WJB_VALUE:
			case WJB_ELEM:
				node = (raw_scalar && depth == 1) ? root : NewNode(&r);
				ScalarFromJsonb(node, &v);
				if (node == root)
					return root;
				node->key = token == WJB_VALUE ? key : NULL;
				node->key_len = token == WJB_VALUE ? key_len : 0;
				AddChild(stack[depth - 1], node);
				break;
			case WJB_BEGIN_ARRAY:
			case WJB_BEGIN_OBJECT:
				if (depth >= JSON_MAX_DEPTH)
					return NULL;
				node = depth == 0 ? root : NewNode(&r);
				node->kind = token == WJB_BEGIN_ARRAY ? JSON_NODE_ARRAY : JSON_NODE_OBJECT;
				if (depth > 0)
				{
					node->key = key;
					node->key_len = key_len;
					AddChild(stack[depth - 1], node);
				}
				stack[depth++] = node;
				break;
			default:
				depth--;
		}
	}
	return root;
}

/* The member of an object, the last one when the key stands twice, or NULL. */
JsonNode *
JsonMember(const JsonNode *object, const char *key)
{
	JsonNode   *found = NULL;
	int			len = strlen(key);

	if (!JsonIsObject(object))
		return NULL;
	for (JsonNode *child = object->first; child; child = child->next)
		if (child->key_len == len && memcmp(child->key, key, len) == 0)
			found = child;
	return found;
}

/* Follows a dotted path through objects. */
JsonNode *
JsonPath(const JsonNode *root, const char *path)
{
	const JsonNode *node = root;

	while (JsonIsObject(node) && *path)
	{
		const char *dot = strchr(path, '.');
		int			len = dot ? dot - path : (int) strlen(path);
		const JsonNode *found = NULL;

		for (JsonNode *child = node->first; child; child = child->next)
			if (child->key_len == len && memcmp(child->key, path, len) == 0)
				found = child;
		node = found;
		if (dot == NULL)
			return (JsonNode *) node;
		path = dot + 1;
	}
	return NULL;
}

static void
AppendString(StringInfo buf, const char *text, int len)
{
	char	   *copy = pnstrdup(text, len);

	escape_json(buf, copy);
	pfree(copy);
}

/* Prints a tree as JSON. */
void
JsonAppend(StringInfo buf, const JsonNode *node)
{
	bool		first = true;

	check_stack_depth();
	switch (node->kind)
	{
		case JSON_NODE_NULL:
			appendStringInfoString(buf, "null");
			break;
		case JSON_NODE_BOOL:
			appendStringInfoString(buf, node->boolean ? "true" : "false");
			break;
		case JSON_NODE_NUMBER:
			appendBinaryStringInfo(buf, node->text, node->len);
			break;
		case JSON_NODE_STRING:
			AppendString(buf, node->text, node->len);
			break;
		case JSON_NODE_ARRAY:
		case JSON_NODE_OBJECT:
			appendStringInfoChar(buf, node->kind == JSON_NODE_ARRAY ? '[' : '{');
			for (JsonNode *child = node->first; child; child = child->next)
			{
				if (!first)
					appendStringInfoChar(buf, ',');
				first = false;
				if (node->kind == JSON_NODE_OBJECT)
				{
					AppendString(buf, child->key, child->key_len);
					appendStringInfoChar(buf, ':');
				}
				JsonAppend(buf, child);
			}
			appendStringInfoChar(buf, node->kind == JSON_NODE_ARRAY ? ']' : '}');
	}
}

static void
ScalarToJsonb(const JsonNode *node, JsonbValue *v)
{
	switch (node->kind)
	{
		case JSON_NODE_BOOL:
			v->type = jbvBool;
			v->val.boolean = node->boolean;
			break;
		case JSON_NODE_NUMBER:
			v->type = jbvNumeric;
			v->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in,
																 CStringGetDatum(JsonCString(node)),
																 ObjectIdGetDatum(InvalidOid),
																 Int32GetDatum(-1)));
			break;
		case JSON_NODE_STRING:
			v->type = jbvString;
			v->val.string.val = (char *) node->text;
			v->val.string.len = node->len;
			break;
		default:
			v->type = jbvNull;
	}
}

/* Pushes a node; keys too long for jsonb are cut (bounded by the message size). */
static JsonbValue *
PushNode(JsonbParseState **state, const JsonNode *node, JsonbIteratorToken token,
		 const char *const *except, int nexcept)
{
	bool		is_object = node->kind == JSON_NODE_OBJECT;
	JsonbValue	v;

	check_stack_depth();
	if (node->kind != JSON_NODE_ARRAY && !is_object)
	{
		ScalarToJsonb(node, &v);
		return pushJsonbValue(state, token, &v);
	}
	pushJsonbValue(state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (JsonNode *child = node->first; child; child = child->next)
	{
		bool		skip = false;

		for (int i = 0; i < nexcept && !skip; i++)
			skip = JsonKeyIs(child, except[i]);
		if (skip)
			continue;
		if (is_object)
		{
			v.type = jbvString;
			v.val.string.val = (char *) child->key;
			v.val.string.len = child->key_len;
			pushJsonbValue(state, WJB_KEY, &v);
		}
		PushNode(state, child, is_object ? WJB_VALUE : WJB_ELEM, NULL, 0);
	}
	return pushJsonbValue(state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/* A tree as jsonb; of keys that stand twice the last one counts. */
Jsonb *
JsonToJsonb(const JsonNode *node)
{
	return JsonToJsonbExcept(node, NULL, 0);
}

/* An object as jsonb without some of its members. */
Jsonb *
JsonToJsonbExcept(const JsonNode *node, const char *const *keys, int nkeys)
{
	JsonbParseState *state = NULL;
	JsonbValue	v;

	if (node->kind == JSON_NODE_ARRAY || node->kind == JSON_NODE_OBJECT)
		return JsonbValueToJsonb(PushNode(&state, node, WJB_DONE, keys, nkeys));
	ScalarToJsonb(node, &v);
	return JsonbValueToJsonb(&v);
}

/* The text of a string or number, terminated. */
char *
JsonCString(const JsonNode *node)
{
	return pnstrdup(node->text, node->len);
}
