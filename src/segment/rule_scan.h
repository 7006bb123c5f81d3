/*
 * rule_scan.h
 *		Words of the rule language.
 */
#ifndef CDP_SEGMENT_RULE_SCAN_H
#define CDP_SEGMENT_RULE_SCAN_H

#include "core/core.h"

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_WORD,					/* unquoted: keyword, function or name */
	TOKEN_NAME,					/* "quoted name" */
	TOKEN_TEXT,					/* 'text' */
	TOKEN_NUMBER,
	TOKEN_COMPARISON,			/* = <> != < <= > >= ~ !~ */
	TOKEN_SYMBOL,				/* ( ) , . + - * / ~ */
	TOKEN_BAD					/* unclosed quote or a character we do not know */
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	int			start;			/* byte offset in the source */
	int			end;
	char	   *text;			/* NAME, TEXT: with quotes undone */
	const char *complaint;		/* BAD: what is wrong */
} Token;

typedef struct RuleScanner
{
	const char *source;
	int			length;
	int			at;
} RuleScanner;

extern Token ScanToken(RuleScanner *scanner);
extern bool IsPlainName(const char *text, int length);

#endif							/* CDP_SEGMENT_RULE_SCAN_H */
