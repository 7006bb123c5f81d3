/*
 * trait_rule.h
 *		How a trait is merged, and which of two statements is better.
 */
#ifndef CDP_TRAIT_RULE_H
#define CDP_TRAIT_RULE_H

#include "profile/trait_set.h"

/* Rule of traits not named in policies (may be null). */
extern TraitRule TraitRuleBase(Jsonb *policies);

/* Rule of one trait; base holds for what policies do not say. */
extern TraitRule TraitRuleFor(Jsonb *policies, TraitRule base, const char *name, int length);

/* Is the statement one that the rule takes no notice of? */
extern bool TraitRuleIgnores(const TraitRule *rule, const JsonbValue *value);

/* More than 0 when a is better than b; 0 only when they are the same. */
extern int	CompareStatements(const TraitRule *rule, const TraitStatement *a, const TraitStatement *b);

#endif							/* CDP_TRAIT_RULE_H */
