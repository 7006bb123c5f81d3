/*
 * batch.h
 *		One batch of messages on its way from text to tables.
 *
 *	payloads ──read──▶ messages ──resolve──▶ persons ──store──▶ tables
 *	     └──────────▶ rejections, issues ─────────────────────▶ tables
 */
#ifndef CDP_BATCH_H
#define CDP_BATCH_H

#include "event/message.h"

typedef struct Payload
{
	const SourceRow *source;	/* NULL: unknown, source_name tells */
	const char *source_name;
	const char *text;			/* or NULL when jsonb or bytes */
	int			len;
	Jsonb	   *jsonb;
	bytea	   *bytes;			/* not valid text */
	bool		has_received_at;
	TimestampTz received_at;
	int64		number;			/* order of the inbox */
} Payload;

typedef struct Rejection
{
	const Payload *payload;
	const JsonNode *node;		/* NULL: the whole payload */
	const JsonNode *envelope;
	int			sqlstate;
	const char *reason;
	bool		is_private;		/* what was sent is not kept */
} Rejection;

typedef struct Issue
{
	int16		source_id;
	const char *kind;
	const char *detail;
	const char *message_id;
	int64		occurrences;
} Issue;

typedef struct Counts
{
	int64		received;
	int64		accepted;
	int64		duplicate;
	int64		rejected;
} Counts;

typedef struct Batch
{
	MemoryContext context;		/* what lives as long as the batch */
	IngestRules *rules;
	Resolver   *resolver;
	const Payload *payload;		/* being read */
	Message    *messages;
	int			nmessages;
	int			messages_size;
	Rejection  *rejections;
	int			nrejections;
	int			rejections_size;
	Issue	   *issues;
	int			nissues;
	int			issues_size;
	struct IssueHash *issue_by_text;
	TimestampTz now;
	Counts		counts;
} Batch;

extern void Reject(Batch *batch, const JsonNode *node, const JsonNode *envelope,
				   int sqlstate, const char *format,...) pg_attribute_printf(5, 6);
extern void NoteIssue(Batch *batch, int16 source_id, const char *kind, const char *message_id,
					  const char *format,...) pg_attribute_printf(5, 6);

extern Batch *BatchCreate(IngestRules *rules, TimestampTz now);
extern IngestRules *CurrentIngestRules(void);
extern void ReadPayload(Batch *batch, const Payload *payload);
extern void ApplySuppressions(Batch *batch);
extern void StoreBatch(Batch *batch);

#endif							/* CDP_BATCH_H */
