/*
 * message.h
 *		Messages of the Segment spec, read into what the tables need.
 */
#ifndef CDP_MESSAGE_H
#define CDP_MESSAGE_H

#include "core/json.h"
#include "event/trait_list.h"
#include "identity/resolve.h"

#define MAX_MESSAGE_ID_LENGTH 1000
#define MAX_EVENT_NAME_LENGTH 1000

/* what becomes of a message that is against the tracking plan, by source */
typedef enum PlanMode
{
	PLAN_OBSERVE,				/* taken and counted */
	PLAN_FLAG,					/* taken, and an issue of the source */
	PLAN_REJECT
} PlanMode;

/* what some rows of the tables say, read once a batch */
typedef struct SourceRow
{
	int16		source_id;
	char	   *name;
	bool		is_stream;
	int			user_id_type;	/* index of the identifier type */
	PlanMode	plan_mode;
} SourceRow;

typedef struct EventTypeRow
{
	char	   *name;
	char	   *dedupe_property;	/* or NULL */
	char	   *revenue_property;	/* or NULL */
} EventTypeRow;

typedef struct PurposeRow
{
	int16		purpose_id;
	char	   *name;			/* name or alias */
} PurposeRow;

typedef struct TcfPurposeRow
{
	int			tcf_purpose;	/* 1 to 24 */
	int16		purpose_id;
} TcfPurposeRow;

typedef struct IdentifierPathRow
{
	char	   *event;			/* NULL: every event */
	char	   *path;
	int			type;
} IdentifierPathRow;

typedef struct IngestRules
{
	MemoryContext context;		/* where they live, when they are kept */
	int			nsources;
	SourceRow  *sources;
	IdentifierRules *identifiers;
	int			user_id_type;
	int			anonymous_id_type;
	int			npaths;
	IdentifierPathRow *paths;
	int			ntrait_paths;	/* "traits.<name>": path is the folded name */
	IdentifierPathRow *trait_paths;
	int			nevent_types;
	EventTypeRow *event_types;
	int			npurposes;
	PurposeRow *purposes;
	int			ntcf_purposes;
	TcfPurposeRow *tcf_purposes;	/* those of one purpose stand together */
	struct TrackingPlan *plan;
	struct TrafficRules *traffic;
	int			nkept_empty;	/* traits whose empty values count */
	char	  **kept_empty;
	int64		clock_skew_threshold;	/* microseconds */
	int64		future_tolerance;
	int			max_message_size;
	char	   *base_currency;
	int			ncontact_events;
	char	  **contact_events; /* names of events that tell the state of an address, in order */
	bytea	   *suppression_salt;	/* NULL: nobody is suppressed */
} IngestRules;

typedef enum MessageType
{
	MESSAGE_IDENTIFY,
	MESSAGE_TRACK,
	MESSAGE_PAGE,
	MESSAGE_SCREEN,
	MESSAGE_GROUP,
	MESSAGE_ALIAS
} MessageType;

typedef struct ConsentStatement
{
	int16		purpose_id;
	const char *status;
	const char *tc_string;		/* the TC string that says so, or NULL */
} ConsentStatement;

typedef struct RefusedIdentifier
{
	int			type;
	const char *value;
	int			len;
} RefusedIdentifier;

struct Payload;

typedef struct Message
{
	const struct Payload *payload;	/* it came in */
	const JsonNode *node;
	const JsonNode *envelope;	/* the object that holds the batch, or NULL */
	const SourceRow *source;
	MessageType type;
	const char *name;			/* event.name, terminated */
	const char *message_id;		/* terminated; NULL: had none */
	pg_uuid_t	message_key;
	int64		payload_hash;
	bool		has_literal_time;
	TimestampTz literal_time;
	TimestampTz occurred_at;
	bool		has_received_at;
	TimestampTz received_at;
	int			nidentifiers;	/* strongest first; the first is the anchor */
	int			nrefused;		/* values that were noted as no identifiers */
	RefusedIdentifier refused[MAX_MESSAGE_IDENTIFIERS];
	int			identifiers[MAX_MESSAGE_IDENTIFIERS];
	int			alias_current;	/* -1: no alias */
	int			alias_previous[2];
	int			ntraits;
	TraitStatement *traits;
	int			nconsents;
	ConsentStatement *consents;
	/* decided while storing */
	bool		is_duplicate;	/* another delivery decides what the row says */
	bool		is_known;		/* it replaces a stored delivery */
} Message;

static inline bool
IsLiteral(const Message *m)
{
	return m->has_literal_time && m->literal_time == m->occurred_at;
}

/* what reading a message found wrong; see reject and issue lists in batch.h */
struct Batch;

extern bool ReadMessage(struct Batch *batch, Message *m);
extern void ReadStatements(struct Batch *batch, Message *m);
extern const EventTypeRow *FindEventType(const IngestRules *rules, const char *name);
extern bool IsContactEvent(const IngestRules *rules, const char *name);
extern const JsonNode *ContextOfMessage(const Message *m);

#endif							/* CDP_MESSAGE_H */
