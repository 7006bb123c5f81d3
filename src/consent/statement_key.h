/*
 * statement_key.h
 *		The key by which a repeated statement of consent is known.
 */
#ifndef CDP_STATEMENT_KEY_H
#define CDP_STATEMENT_KEY_H

#include "core/core.h"

/* What makes two statements the same; texts need no terminator. */
typedef struct ConsentContent
{
	const pg_uuid_t *anchor;
	TimestampTz occurred_at;
	bool		has_expiry;
	TimestampTz expires_at;
	const char *purpose;
	int			purpose_length;
	const char *status;
	int			status_length;
	const char *channel;		/* null: none */
	int			channel_length;
} ConsentContent;

extern void ConsentStatementKey(const ConsentContent *statement, pg_uuid_t *key);

#endif							/* CDP_STATEMENT_KEY_H */
