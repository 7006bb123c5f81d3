/*
 * rules.c
 *		The rules that messages are read by, and their cache.
 *
 * Reading a dozen small tables costs as much as a message does.  So a session
 * keeps what it read until one of the tables changes: a trigger on each sends
 * an invalidation of its relation with the commit, as a change of the table's
 * definition does.  Without the triggers nothing is kept.
 */
#include "core/core.h"

#include "commands/trigger.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "core/rowset.h"
#include "event/batch.h"
#include "event/plan.h"
#include "event/traffic.h"

PG_FUNCTION_INFO_V1(cdp_rules_changed);

#define WATCHED_TABLES 11

static Oid	watched[WATCHED_TABLES];
static int	nwatched = 0;
static uint64 changes = 0;		/* invalidations that may concern the rules */
static const IngestRules *kept_rules = NULL;
static uint64 kept_changes;

static Statement select_watched = {
	"SELECT t.tgrelid FROM pg_catalog.pg_namespace n"
	" JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid"
	" WHERE n.nspname = 'cdp' AND c.relname IN ('source', 'identifier_type', 'blocked_identifier', 'identifier_path',"
	"  'event_type', 'purpose', 'tcf_purpose', 'trait', 'contact_event', 'traffic_rule', 'setting')"
	" AND t.tgname = 'rules_changed' AND t.tgenabled = 'A'"
};
static Statement select_sources = {
	"SELECT source_id, name, kind, user_id_type, plan_mode FROM cdp.source"
};
static Statement select_paths = {
	"SELECT nullif(event, '*'), path, type FROM cdp.identifier_path ORDER BY event, path, type"
};
static Statement select_event_types = {
	"SELECT name, dedupe_property, revenue_property FROM cdp.event_type"
	" WHERE dedupe_property IS NOT NULL OR revenue_property IS NOT NULL ORDER BY name COLLATE \"C\""
};
static Statement select_purposes = {
	"SELECT purpose_id, name FROM cdp.purpose UNION ALL"
	" SELECT purpose_id, unnest(aliases) FROM cdp.purpose ORDER BY 1"
};
static Statement select_tcf_purposes = {
	"SELECT t.tcf_purpose, p.purpose_id FROM cdp.tcf_purpose t JOIN cdp.purpose p ON p.name = t.purpose"
	" ORDER BY p.purpose_id, t.tcf_purpose"
};
static Statement select_kept_empty = {"SELECT name FROM cdp.trait WHERE NOT ignore_empty"};
static Statement select_contact_events = {
	"SELECT DISTINCT event COLLATE \"C\" FROM cdp.contact_event ORDER BY 1"
};
static Statement select_salt = {
	"SELECT value FROM cdp.secret WHERE name = 'suppression' AND EXISTS (SELECT FROM cdp.suppression)"
};
static Statement select_settings = {
	"SELECT (extract(epoch FROM (SELECT value FROM cdp.setting WHERE name = 'clock_skew_threshold')::interval) * 1000000)::bigint,"
	" (extract(epoch FROM (SELECT value FROM cdp.setting WHERE name = 'future_tolerance')::interval) * 1000000)::bigint,"
	" (SELECT value FROM cdp.setting WHERE name = 'max_message_size')::int,"
	" (SELECT value FROM cdp.setting WHERE name = 'base_currency')"
};

static char *
Text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static Datum
Value(uint64 row, int column)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
}

static void
LoadPaths(IngestRules *rules)
{
	StatementRun(&select_paths, NULL, NULL);
	rules->paths = palloc(sizeof(IdentifierPathRow) * Max(SPI_processed, 1));
	rules->trait_paths = palloc(sizeof(IdentifierPathRow) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *type_name = Text(row, 3);
		char	   *path = Text(row, 2);
		IdentifierPathRow entry;

		entry.type = FindIdentifierType(rules->identifiers, type_name, strlen(type_name));
		if (entry.type < 0)
			continue;			/* a path for a type that is gone */
		entry.event = Text(row, 1);
		entry.path = path;
		if (strncmp(path, "traits.", 7) == 0)
		{
			entry.path = path + 7;
			rules->trait_paths[rules->ntrait_paths++] = entry;
		}
		else
			rules->paths[rules->npaths++] = entry;
	}
}

/* A type that messages need by its name. */
static int
RequiredType(const IdentifierRules *rules, const char *name)
{
	int			type = FindIdentifierType(rules, name, strlen(name));

	if (type < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CDP_UNKNOWN_NAME),
				 errmsg("identifier type \"%s\" is missing", name),
				 errhint("Put its row back into cdp.identifier_type.")));
	return type;
}

static void
LoadSources(IngestRules *rules)
{
	StatementRun(&select_sources, NULL, NULL);
	rules->nsources = SPI_processed;
	rules->sources = palloc(sizeof(SourceRow) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		SourceRow  *source = &rules->sources[row];
		char	   *type = SPI_getvalue(tuple, desc, 4);

		source->source_id = DatumGetInt16(SPI_getbinval(tuple, desc, 1, &isnull));
		source->name = SPI_getvalue(tuple, desc, 2);
		source->is_stream = strcmp(SPI_getvalue(tuple, desc, 3), "stream") == 0 ||
			strcmp(SPI_getvalue(tuple, desc, 3), "crm") == 0;
		source->user_id_type = FindIdentifierType(rules->identifiers, type, strlen(type));
		if (source->user_id_type < 0)
			source->user_id_type = rules->user_id_type;
		source->plan_mode = PlanModeFromText(SPI_getvalue(tuple, desc, 5));
	}
}

/* Reads all rules but the salt in the current memory context. */
static IngestRules *
LoadIngestRules(void)
{
	IngestRules *rules = palloc0(sizeof(IngestRules));

	rules->identifiers = LoadIdentifierRules();
	rules->anonymous_id_type = RequiredType(rules->identifiers, "anonymous_id");
	rules->user_id_type = RequiredType(rules->identifiers, "user_id");
	LoadPaths(rules);

	StatementRun(&select_event_types, NULL, NULL);
	rules->nevent_types = SPI_processed;
	rules->event_types = palloc(sizeof(EventTypeRow) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		rules->event_types[row].name = Text(row, 1);
		rules->event_types[row].dedupe_property = Text(row, 2);
		rules->event_types[row].revenue_property = Text(row, 3);
	}

	StatementRun(&select_purposes, NULL, NULL);
	rules->npurposes = SPI_processed;
	rules->purposes = palloc(sizeof(PurposeRow) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		rules->purposes[row].purpose_id = DatumGetInt16(Value(row, 1));
		rules->purposes[row].name = Text(row, 2);
	}

	StatementRun(&select_tcf_purposes, NULL, NULL);
	rules->ntcf_purposes = SPI_processed;
	rules->tcf_purposes = palloc(sizeof(TcfPurposeRow) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		rules->tcf_purposes[row].tcf_purpose = DatumGetInt32(Value(row, 1));
		rules->tcf_purposes[row].purpose_id = DatumGetInt16(Value(row, 2));
	}

	rules->plan = LoadTrackingPlan();
	rules->traffic = LoadTrafficRules();

	StatementRun(&select_kept_empty, NULL, NULL);
	rules->nkept_empty = SPI_processed;
	rules->kept_empty = palloc(sizeof(char *) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
		rules->kept_empty[row] = Text(row, 1);

	StatementRun(&select_contact_events, NULL, NULL);
	rules->ncontact_events = SPI_processed;
	rules->contact_events = palloc(sizeof(char *) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
		rules->contact_events[row] = Text(row, 1);

	StatementRun(&select_settings, NULL, NULL);
	rules->clock_skew_threshold = DatumGetInt64(Value(0, 1));
	rules->future_tolerance = DatumGetInt64(Value(0, 2));
	rules->max_message_size = DatumGetInt32(Value(0, 3));
	rules->base_currency = Text(0, 4);
	LoadSources(rules);
	return rules;
}

/*
 * The cache
 */
static void
ForgetRules(Datum arg, Oid relation)
{
	if (relation == InvalidOid)
		changes++;
	for (int i = 0; i < nwatched; i++)
		if (watched[i] == relation)
		{
			changes++;
			return;
		}
}

/* for each row of a table of rules that changes, in any session */
Datum
cdp_rules_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("rules_changed() is for triggers only")));
	CacheInvalidateRelcache(trigger->tg_relation);
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple);
	PG_RETURN_POINTER(NULL);
}

/* Does every table of rules tell when it changes?  Notes which they are. */
static bool
WatchRules(void)
{
	StatementRun(&select_watched, NULL, NULL);
	if (SPI_processed != lengthof(watched))
		return false;
	nwatched = SPI_processed;
	for (uint64 row = 0; row < SPI_processed; row++)
		watched[row] = DatumGetObjectId(Value(row, 1));
	return true;
}

/* The rules of now, kept or read. */
static const IngestRules *
KeptRules(void)
{
	static bool is_registered = false;
	MemoryContext context;
	MemoryContext old;
	IngestRules *rules;
	uint64		changes_before;

	if (!is_registered)
	{
		CacheRegisterRelcacheCallback(ForgetRules, (Datum) 0);
		is_registered = true;
	}
	AcceptInvalidationMessages();
	if (kept_rules && kept_changes == changes)
		return kept_rules;

	/* somebody further out in this transaction may still be using the old ones */
	if (kept_rules)
		MemoryContextSetParent(kept_rules->context, TopTransactionContext);
	kept_rules = NULL;
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp ingest rules", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	if (WatchRules())
	{
		changes_before = changes;
		rules = LoadIngestRules();
		rules->context = context;
		MemoryContextSetParent(context, CacheMemoryContext);
		kept_rules = rules;
		kept_changes = changes_before;
	}
	else
		rules = LoadIngestRules();
	MemoryContextSwitchTo(old);
	return rules;
}

/*
 * The rules for one call, in the current memory context.  SPI must be
 * connected, the transaction READ COMMITTED: one that reads by an old snapshot
 * must not keep what it sees for those after it.
 */
IngestRules *
CurrentIngestRules(void)
{
	IngestRules *rules = palloc(sizeof(IngestRules));

	*rules = *KeptRules();
	/* not a rule but a fact, and a secret: it is not kept */
	rules->suppression_salt = NULL;
	StatementRun(&select_salt, NULL, NULL);
	if (SPI_processed == 1)
		rules->suppression_salt = DatumGetByteaPCopy(Value(0, 1));
	return rules;
}

static int
CompareEventType(const void *name, const void *row)
{
	return strcmp(name, ((const EventTypeRow *) row)->name);
}

const EventTypeRow *
FindEventType(const IngestRules *rules, const char *name)
{
	return bsearch(name, rules->event_types, rules->nevent_types, sizeof(EventTypeRow), CompareEventType);
}

static int
CompareName(const void *name, const void *element)
{
	return strcmp(name, *(char *const *) element);
}

bool
IsContactEvent(const IngestRules *rules, const char *name)
{
	return bsearch(name, rules->contact_events, rules->ncontact_events, sizeof(char *), CompareName) != NULL;
}
