/*
 * traffic.h
 *		Rules that tell bots and internal traffic.
 */
#ifndef CDP_TRAFFIC_H
#define CDP_TRAFFIC_H

#include "event/message.h"

typedef struct TrafficRules TrafficRules;

/* Reads cdp.traffic_rule in the current memory context.  SPI must be connected. */
extern TrafficRules *LoadTrafficRules(void);

/* "bot", "internal" or NULL */
extern const char *TrafficOfMessage(TrafficRules *rules, const Message *m);

#endif							/* CDP_TRAFFIC_H */
