/*
 * time.h
 *		Times in messages.
 */
#ifndef CDP_TIME_H
#define CDP_TIME_H

#include "core/json.h"

extern bool ParseTimeText(const char *text, int len, TimestampTz *result);
extern bool ParseTime(const JsonNode *node, TimestampTz *result);

#endif							/* CDP_TIME_H */
