/*
 * traffic.c
 *		Bots and internal traffic: which messages the rules of
 *		cdp.traffic_rule tell, and traffic_kind(), the same for stored events.
 *
 * What a message is depends on itself and the rules alone, so it does not
 * matter in what order messages come.  Answers for user agents are kept, as
 * few of them repeat in many messages.
 */
#include "core/core.h"

#include <sys/socket.h>

#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "regex/regex.h"
#include "utils/inet.h"

#include "core/rowset.h"
#include "event/plan.h"
#include "event/traffic.h"

/* no rule looks further into a value */
#define MAX_VALUE_LENGTH 2000
/* user agents whose answers are kept */
#define MAX_AGENTS 10000

#define TRAFFIC_BOT			0x01
#define TRAFFIC_INTERNAL	0x02

typedef enum TrafficField
{
	FIELD_USER_AGENT,
	FIELD_IP,
	FIELD_EMAIL,
	FIELD_SOURCE,
	FIELD_PROPERTY,				/* properties.<path> */
	FIELD_CONTEXT				/* context.<path> */
} TrafficField;

typedef struct TrafficRule
{
	TrafficField field;
	char	   *path;			/* of FIELD_PROPERTY and FIELD_CONTEXT */
	text	   *pattern;		/* unless FIELD_IP */
	int			family;			/* of a network */
	int			bits;
	unsigned char network[16];
	int			kind;
} TrafficRule;

typedef struct AgentEntry
{
	char	   *agent;
	int			kinds;
	char		status;
} AgentEntry;

#define SH_PREFIX AgentTable
#define SH_ELEMENT_TYPE AgentEntry
#define SH_KEY_TYPE char *
#define SH_KEY agent
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key, strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct TrafficRules
{
	MemoryContext agent_context;
	int			nrules;
	TrafficRule *rules;
	bool		has_others;		/* rules about something else than user agents */
	AgentTable_hash *agents;
};

/* what the rules look at */
typedef struct Traffic
{
	const char *source;
	const Message *message;		/* or, of a stored event: */
	const JsonNode *properties;
	const JsonNode *context;
} Traffic;

static Statement select_rules = {"SELECT cdp.traffic_rules()"};

/* An address or network as bytes; false when it is none. */
static bool
ReadAddress(const char *text, int len, int *family, int *bits, unsigned char bytes[16])
{
	char		buffer[64];

	while (len > 0 && *text == ' ')
		text++, len--;
	while (len > 0 && text[len - 1] == ' ')
		len--;
	/* an IPv4 address as it comes from a socket of IPv6 */
	if (len > 7 && pg_strncasecmp(text, "::ffff:", 7) == 0 && memchr(text, '.', len))
		text += 7, len -= 7;
	if (len == 0 || len >= sizeof(buffer) || memchr(text, '\0', len))
		return false;
	memcpy(buffer, text, len);
	buffer[len] = '\0';
	*family = strchr(buffer, ':') ? PGSQL_AF_INET6 : PGSQL_AF_INET;
	memset(bytes, 0, 16);
	*bits = pg_inet_net_pton(*family, buffer, bytes, -1);
	return *bits >= 0;
}

/* The field of a rule and its path; a rule about anything else never holds. */
static bool
ReadField(TrafficRule *rule, const JsonNode *node)
{
	static const struct
	{
		const char *name;
		TrafficField field;
	}			fields[] = {
		{"user_agent", FIELD_USER_AGENT},
		{"ip", FIELD_IP},
		{"email", FIELD_EMAIL},
		{"source", FIELD_SOURCE}
	};
	char	   *name;

	if (!JsonIsText(node))
		return false;
	name = JsonCString(node);
	for (int i = 0; i < lengthof(fields); i++)
		if (strcmp(name, fields[i].name) == 0)
		{
			rule->field = fields[i].field;
			return true;
		}
	rule->field = strncmp(name, "properties.", 11) == 0 ? FIELD_PROPERTY : FIELD_CONTEXT;
	rule->path = name + (rule->field == FIELD_PROPERTY ? 11 : 8);
	return rule->field == FIELD_PROPERTY || strncmp(name, "context.", 8) == 0;
}

/* [{"field": …, "pattern": …, "kind": …}, …], in the current memory context */
static TrafficRules *
TrafficRulesFromJsonb(Jsonb *jsonb)
{
	TrafficRules *rules = palloc0(sizeof(TrafficRules));
	const JsonNode *list = JsonFromJsonb(jsonb);

	rules->agent_context = AllocSetContextCreate(CurrentMemoryContext, "cdp user agents", ALLOCSET_SMALL_SIZES);
	if (list == NULL || list->kind != JSON_NODE_ARRAY)
		return rules;
	rules->rules = palloc0(sizeof(TrafficRule) * Max(list->count, 1));
	for (const JsonNode *child = list->first; child; child = child->next)
	{
		TrafficRule *rule = &rules->rules[rules->nrules];
		const JsonNode *pattern = JsonMember(child, "pattern");
		const JsonNode *kind = JsonMember(child, "kind");

		if (!JsonIsText(pattern) || !JsonIsText(kind) || !ReadField(rule, JsonMember(child, "field")))
			continue;
		if (rule->field != FIELD_IP)
			rule->pattern = cstring_to_text_with_len(pattern->text, pattern->len);
		else if (!ReadAddress(pattern->text, pattern->len, &rule->family, &rule->bits, rule->network))
			continue;
		rule->kind = kind->len == 3 && memcmp(kind->text, "bot", 3) == 0 ? TRAFFIC_BOT : TRAFFIC_INTERNAL;
		rules->has_others |= rule->field != FIELD_USER_AGENT;
		rules->nrules++;
	}
	return rules;
}

TrafficRules *
LoadTrafficRules(void)
{
	bool		isnull;
	Datum		value;

	StatementRun(&select_rules, NULL, NULL);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return palloc0(sizeof(TrafficRules));
	return TrafficRulesFromJsonb(DatumGetJsonbPCopy(value));
}

static bool
MatchesText(const TrafficRule *rule, const char *text, int len)
{
	if (len > MAX_VALUE_LENGTH)
		len = pg_mbcliplen(text, len, MAX_VALUE_LENGTH);
	return RE_compile_and_execute(rule->pattern, unconstify(char *, text), len,
								  REG_ADVANCED | REG_ICASE | REG_NOSUB, C_COLLATION_OID, 0, NULL);
}

/* Text, numbers and truth values are looked at; lists by their elements. */
static bool
MatchesNode(const TrafficRule *rule, const JsonNode *node)
{
	if (node == NULL)
		return false;
	switch (node->kind)
	{
		case JSON_NODE_STRING:
		case JSON_NODE_NUMBER:
			return MatchesText(rule, node->text, node->len);
		case JSON_NODE_BOOL:
			return MatchesText(rule, node->boolean ? "true" : "false", node->boolean ? 4 : 5);
		case JSON_NODE_ARRAY:
			for (const JsonNode *child = node->first; child; child = child->next)
			{
				CHECK_FOR_INTERRUPTS();
				if (child->kind != JSON_NODE_ARRAY && MatchesNode(rule, child))
					return true;
			}
			return false;
		default:
			return false;
	}
}

static bool
MatchesAddress(const TrafficRule *rule, const JsonNode *node)
{
	int			family;
	int			bits;
	unsigned char address[16];

	return JsonIsText(node) && ReadAddress(node->text, node->len, &family, &bits, address) &&
		family == rule->family && bits >= rule->bits &&
		bitncmp(address, rule->network, rule->bits) == 0;
}

static const JsonNode *
PropertyOf(const Traffic *traffic, const char *path)
{
	return traffic->message ? PropertyOfMessage(traffic->message, path) : JsonPath(traffic->properties, path);
}

static bool
RuleHolds(const TrafficRule *rule, const Traffic *traffic)
{
	switch (rule->field)
	{
		case FIELD_IP:
			return MatchesAddress(rule, JsonMember(traffic->context, "ip"));
		case FIELD_EMAIL:
			return MatchesNode(rule, PropertyOf(traffic, "email")) ||
				MatchesNode(rule, JsonPath(traffic->context, "traits.email"));
		case FIELD_SOURCE:
			return MatchesText(rule, traffic->source, strlen(traffic->source));
		case FIELD_PROPERTY:
			return MatchesNode(rule, PropertyOf(traffic, rule->path));
		case FIELD_CONTEXT:
			return MatchesNode(rule, JsonPath(traffic->context, rule->path));
		case FIELD_USER_AGENT:
			break;
	}
	return false;
}

/* Kinds that the rules about user agents tell of this one. */
static int
KindsOfAgent(TrafficRules *rules, const JsonNode *node)
{
	char	   *agent;
	int			len;
	AgentEntry *entry;
	bool		found;

	if (!JsonIsText(node) || node->len == 0 || rules->nrules == 0)
		return 0;
	len = node->len > MAX_VALUE_LENGTH ? pg_mbcliplen(node->text, node->len, MAX_VALUE_LENGTH) : node->len;
	agent = pnstrdup(node->text, len);
	if (rules->agents == NULL || rules->agents->members >= MAX_AGENTS)
	{
		if (rules->agents)
			MemoryContextReset(rules->agent_context);
		rules->agents = AgentTable_create(rules->agent_context, 64, NULL);
	}
	entry = AgentTable_lookup(rules->agents, agent);
	if (entry == NULL)
	{
		int			kinds = 0;

		for (int i = 0; i < rules->nrules; i++)
			if (rules->rules[i].field == FIELD_USER_AGENT && (kinds & rules->rules[i].kind) == 0 &&
				MatchesText(&rules->rules[i], agent, len))
				kinds |= rules->rules[i].kind;
		entry = AgentTable_insert(rules->agents, MemoryContextStrdup(rules->agent_context, agent), &found);
		entry->kinds = kinds;
	}
	pfree(agent);
	return entry->kinds;
}

/* A bot is a bot, even when it comes from the office. */
static const char *
KindOf(TrafficRules *rules, const Traffic *traffic)
{
	int			kinds = KindsOfAgent(rules, JsonMember(traffic->context, "userAgent"));

	for (int i = 0; i < rules->nrules && rules->has_others && (kinds & TRAFFIC_BOT) == 0; i++)
		if ((kinds & rules->rules[i].kind) == 0 && RuleHolds(&rules->rules[i], traffic))
			kinds |= rules->rules[i].kind;
	return kinds & TRAFFIC_BOT ? "bot" : kinds & TRAFFIC_INTERNAL ? "internal" : NULL;
}

const char *
TrafficOfMessage(TrafficRules *rules, const Message *m)
{
	Traffic		traffic = {m->source->name, m, NULL, NULL};

	if (rules->nrules == 0)
		return NULL;
	traffic.context = ContextOfMessage(m);
	return KindOf(rules, &traffic);
}

/* what traffic_kind() keeps from call to call: rules that were the same bytes */
typedef struct KindCache
{
	MemoryContext context;
	Jsonb	   *jsonb;
	TrafficRules *rules;
} KindCache;

static TrafficRules *
CachedRules(FmgrInfo *flinfo, Jsonb *jsonb)
{
	KindCache  *cache = flinfo->fn_extra;
	MemoryContext old;

	if (cache && VARSIZE(cache->jsonb) == VARSIZE(jsonb) && memcmp(cache->jsonb, jsonb, VARSIZE(jsonb)) == 0)
		return cache->rules;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(KindCache));
		cache->context = AllocSetContextCreate(flinfo->fn_mcxt, "cdp traffic rules", ALLOCSET_SMALL_SIZES);
	}
	/* an error on the way leaves nothing half made behind */
	flinfo->fn_extra = NULL;
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->jsonb = palloc(VARSIZE(jsonb));
	memcpy(cache->jsonb, jsonb, VARSIZE(jsonb));
	cache->rules = TrafficRulesFromJsonb(cache->jsonb);
	MemoryContextSwitchTo(old);
	flinfo->fn_extra = cache;
	return cache->rules;
}

PG_FUNCTION_INFO_V1(cdp_traffic_kind);

/* traffic_kind(rules jsonb, source text, properties jsonb, context jsonb) */
Datum
cdp_traffic_kind(PG_FUNCTION_ARGS)
{
	Traffic		traffic = {0};
	const char *kind;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	traffic.source = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		traffic.properties = JsonFromJsonb(PG_GETARG_JSONB_P(2));
	if (!PG_ARGISNULL(3))
		traffic.context = JsonFromJsonb(PG_GETARG_JSONB_P(3));
	kind = KindOf(CachedRules(fcinfo->flinfo, PG_GETARG_JSONB_P(0)), &traffic);
	if (kind == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(kind));
}
