/*
 * rule_parse.h
 *		State of the parser, shared by its files: rule_parse_word.c (words and
 *		values), rule_parse.c (conditions), rule_parse_expression.c (what is
 *		compared) and rule_parse_event.c (aggregates, sequences, windows).
 */
#ifndef CDP_SEGMENT_RULE_PARSE_H
#define CDP_SEGMENT_RULE_PARSE_H

#include "segment/rule.h"
#include "segment/rule_scan.h"

typedef struct RuleParser
{
	RuleScanner scanner;
	Token		token;			/* the word to be looked at */
	Token		ahead;			/* the one after it */
	Node	   *escontext;
	bool		failed;			/* an error is in escontext: only END follows */
	bool		in_where;		/* names are properties, not traits */
	bool		in_element;		/* names are parts of an element */
	bool		computed;		/* a computed trait, not a rule */
	int			depth;
	int			nodes;
	int			counted;		/* bytes whose characters are counted */
	int			characters;
} RuleParser;

extern void Advance(RuleParser *p);
extern bool AtWord(RuleParser *p, const char *word);
extern bool AheadWord(RuleParser *p, const char *word);
extern bool AtSymbol(RuleParser *p, char symbol);
extern bool AheadSymbol(RuleParser *p, char symbol);
extern bool TokenIsWord(RuleParser *p, Token *token, const char *word);
extern bool AcceptWord(RuleParser *p, const char *word);
extern void ExpectWord(RuleParser *p, const char *word);
extern void ExpectSymbol(RuleParser *p, char symbol);
extern void Expected(RuleParser *p, const char *what, const char *hint);
extern void Refuse(RuleParser *p, int sqlstate, int position, char *message, const char *detail, const char *hint);
extern int	CharacterAt(RuleParser *p, int offset);
extern void CountNode(RuleParser *p);
extern void EnterLevel(RuleParser *p);
extern void LeaveLevel(RuleParser *p);
extern char *ExpectText(RuleParser *p, const char *what);

extern RuleNode *ParseCondition(RuleParser *p);
extern RuleNode *NewNode(RuleParser *p, RuleKind kind, int start);
extern bool ParseLiteral(RuleParser *p, RuleLiteral *literal);
extern RuleLiteral *IntegerLiteral(int number);

extern RuleOperand *ParseExpression(RuleParser *p);
extern bool AtExpression(RuleParser *p);
extern void RequireNumber(RuleParser *p, RuleOperand *operand, int offset);
extern RuleNode *ParseQuantified(RuleParser *p);
extern RuleLiteral *ParseRuleTime(RuleParser *p);

extern bool AtAggregate(RuleParser *p, AggregateKind *kind);
extern RuleOperand *ParseAggregate(RuleParser *p, AggregateKind kind);
extern RuleOperand *ParseProperty(RuleParser *p);
extern RuleNode *ParseSequence(RuleParser *p);
extern bool AtWindow(RuleParser *p);
extern void ParseWindow(RuleParser *p, RuleWindow *window, bool of_events);

#endif							/* CDP_SEGMENT_RULE_PARSE_H */
