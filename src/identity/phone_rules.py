#!/usr/bin/env python3
"""phone_rules.py: writes phone_rules.h, the tables behind phone.c.

	npm pack google-libphonenumber@3.2.47 && tar xzf google-libphonenumber-3.2.47.tgz
	python3 phone_rules.py package/dist/libphonenumber.js >phone_rules.h

The tables are made from the public metadata of libphonenumber (Apache-2.0,
https://github.com/google/libphonenumber), in the form in which the npm package
google-libphonenumber carries it.  Of every region the same columns are used as
a CSV of it has (region, country_code, main_region_for_code,
international_prefix, national_prefix_for_parsing,
national_prefix_transform_rule, general_lengths, general_pattern), and beside
these what tells a valid number from one that merely has the right shape: the
patterns and lengths of each type of number, the lengths of local numbers, the
leading digits of regions that share a calling code.  With --csv FILE the
columns are compared with such a CSV first, and a difference is an error.

Regular expressions become two things:

* Where a whole number is matched, the order of alternatives does not matter:
  a deterministic automaton.  One per region accepts what has the general
  shape; one per calling code accepts valid numbers and tells their region.
  All automata share their equal states.
* Where a prefix is matched (international and national prefixes), the order
  matters and parts are captured: a program of 16-bit instructions, run by
  PrefixRun() in phone.c, that tries alternatives in the order written.
"""
import argparse
import csv
import re
import sys

sys.setrecursionlimit(10000)

# Positions in the arrays of the package, which are field numbers of phonemetadata.proto
GENERAL, COUNTRY_CODE, IDD, NATIONAL_PREFIX, PARSING, TRANSFORM = 1, 10, 11, 12, 15, 16
MAIN, LEADING = 22, 23
TYPES = (2, 3, 4, 5, 6, 7, 8, 21, 25, 28)
PATTERN, LENGTHS, LOCAL_LENGTHS = 2, 9, 10
MAX_NATIONAL = 17


def array_literal(text, at):
	"""Reads a JavaScript array literal with elisions; returns (list, end)."""
	out = []
	pending = None
	at += 1
	while True:
		c = text[at]
		if c == '[':
			pending, at = array_literal(text, at)
			continue
		if c == '"':
			end = at + 1
			while text[end] != '"':
				end += 2 if text[end] == '\\' else 1
			pending = re.sub(r'\\(.)', r'\1', text[at + 1:end])
			at = end + 1
			continue
		if c in ',]':
			if c == ',' or pending is not None:
				out.append(pending)
			pending = None
			at += 1
			if c == ']':
				return out, at
			continue
		if c in ' \n':
			at += 1
			continue
		end = at
		while text[end] not in ',]':
			end += 1
		word = text[at:end].strip()
		pending = {'true': True, 'false': False, 'null': None, '!0': True, '!1': False}.get(word, word)
		if isinstance(pending, str):
			pending = int(pending)
		at = end


def read_package(path):
	text = open(path, encoding='utf-8').read()
	orders = {}
	found = re.search(r'metadata\.countryCodeToRegionCodeMap=\{(.*?)\};', text, re.S).group(1)
	for code, array, words in re.findall(r'(\d+):(?:\[([^\]]*)\]|"([^"]*)"\.split)', found):
		orders[int(code)] = words.split() if words else re.findall(r'"([^"]*)"', array)
	at = text.index('i18n.phonenumbers.metadata.countryToMetadata={') + len('i18n.phonenumbers.metadata.countryToMetadata={')
	regions = {}
	while text[at] != '}':
		name, = re.compile(r'\s*"?(\w+)"?:\s*').match(text, at).groups()
		at = re.compile(r'\s*"?(\w+)"?:\s*').match(text, at).end()
		array, at = array_literal(text, at)
		while text[at] in ', \n':
			at += 1
		regions[name] = array
	return regions, orders


class Region:
	def __init__(self, name, array):
		def get(a, i):
			return a[i] if a is not None and i < len(a) else None

		general = get(array, GENERAL)
		self.name = name
		self.country_code = get(array, COUNTRY_CODE)
		self.idd = get(array, IDD) or ''
		self.national_prefix = get(array, NATIONAL_PREFIX) or ''
		self.parsing = get(array, PARSING) or ''
		self.transform = get(array, TRANSFORM) or ''
		self.is_main = bool(get(array, MAIN))
		self.leading = get(array, LEADING) or ''
		self.general = get(general, PATTERN) or ''
		self.lengths = [n for n in get(general, LENGTHS) or [] if n > 0]
		self.local_lengths = [n for n in get(general, LOCAL_LENGTHS) or [] if n > 0]
		self.types = []
		for field in TYPES:
			kind = get(array, field)
			pattern, lengths = get(kind, PATTERN), get(kind, LENGTHS) or self.lengths
			if pattern and lengths != [-1]:
				self.types.append((pattern, frozenset(lengths)))


def check_csv(path, regions):
	for row in csv.DictReader(open(path, encoding='utf-8')):
		r = regions[row['region']]
		ours = (str(r.country_code), 't' if r.is_main else 'f', r.idd, r.national_prefix, r.parsing,
				r.transform, ' '.join(map(str, r.lengths)), r.general)
		theirs = tuple(row[c] for c in (
			'country_code', 'main_region_for_code', 'international_prefix', 'national_prefix',
			'national_prefix_for_parsing', 'national_prefix_transform_rule', 'general_lengths', 'general_pattern'))
		if ours != theirs:
			sys.exit(f'{path}: region {r.name} differs:\n{ours}\n{theirs}')


# Regular expressions: ('class', mask) ('cat', [..]) ('alt', [..]) ('rep', node, min, max)
# ('group', number, node) ('end',)
class Parser:
	def __init__(self, pattern):
		self.s, self.at, self.groups = pattern, 0, 0

	def parse(self):
		node = self.alternatives()
		if self.at != len(self.s):
			raise ValueError(self.s)
		return node

	def alternatives(self):
		out = [self.sequence()]
		while self.at < len(self.s) and self.s[self.at] == '|':
			self.at += 1
			out.append(self.sequence())
		return out[0] if len(out) == 1 else ('alt', out)

	def sequence(self):
		out = []
		while self.at < len(self.s) and self.s[self.at] not in '|)':
			out.append(self.repeat(self.atom()))
		return ('cat', out)

	def repeat(self, node):
		found = re.compile(r'\?|\{(\d+)(?:,(\d+))?\}').match(self.s, self.at)
		if not found:
			return node
		self.at = found.end()
		if found.group(0) == '?':
			return ('rep', node, 0, 1)
		low = int(found.group(1))
		return ('rep', node, low, int(found.group(2) or low))

	def atom(self):
		s, at = self.s, self.at
		self.at += 1
		if s[at] == '(':
			if s.startswith('(?:', at):
				self.at += 2
				node = self.alternatives()
			else:
				self.groups += 1
				number = self.groups
				node = ('group', number, self.alternatives())
			if s[self.at] != ')':
				raise ValueError(s)
			self.at += 1
			return node
		if s[at] == '$':
			return ('end',)
		if s.startswith('\\d', at):
			self.at += 1
			return ('class', 0x3ff)
		if s[at] == '[':
			end = s.index(']', at)
			mask = 0
			for low, high, digit in re.findall(r'(\d)-(\d)|(\d)', s[at + 1:end]):
				for d in range(int(low or digit), int(high or digit) + 1):
					mask |= 1 << d
			self.at = end + 1
			return ('class', mask)
		if s[at].isdigit():
			return ('class', 1 << int(s[at]))
		raise ValueError(f'{s} at {at}')


class Nfa:
	"""Thompson automaton; states are numbers, arcs are (mask, target)."""

	def __init__(self):
		self.arcs, self.empty = [], []

	def state(self):
		self.arcs.append([])
		self.empty.append([])
		return len(self.arcs) - 1

	def add(self, node, start):
		"""Adds node after start, returns its end state."""
		kind = node[0]
		if kind == 'class':
			end = self.state()
			self.arcs[start].append((node[1], end))
			return end
		if kind == 'cat':
			for part in node[1]:
				start = self.add(part, start)
			return start
		if kind == 'alt':
			end = self.state()
			for part in node[1]:
				first = self.state()
				self.empty[start].append(first)
				self.empty[self.add(part, first)].append(end)
			return end
		if kind == 'rep':
			for _ in range(node[2]):
				start = self.add(node[1], start)
			end = self.state()
			for _ in range(node[3] - node[2]):
				self.empty[start].append(end)
				start = self.add(node[1], start)
			self.empty[start].append(end)
			return end
		if kind == 'group':
			return self.add(node[2], start)
		raise ValueError(kind)

	def closure(self, states):
		seen, stack = set(states), list(states)
		while stack:
			for target in self.empty[stack.pop()]:
				if target not in seen:
					seen.add(target)
					stack.append(target)
		return frozenset(seen)


class Automata:
	"""Deterministic automata that share equal states; state 0 accepts nothing."""

	def __init__(self):
		self.ids = {(0, (0,) * 10): 0}
		self.rows = [(0, (0,) * 10)]

	def build(self, nfa, start, accept):
		memo = {}

		def visit(states, depth):
			if not states or depth > MAX_NATIONAL:
				return 0
			key = (states, depth)
			if key not in memo:
				row = []
				for digit in range(10):
					targets = [t for s in states for mask, t in nfa.arcs[s] if mask >> digit & 1]
					row.append(visit(nfa.closure(targets), depth + 1) if targets else 0)
				made = (accept(states, depth), tuple(row))
				if made not in self.ids:
					self.ids[made] = len(self.rows)
					self.rows.append(made)
				memo[key] = self.ids[made]
			return memo[key]

		return visit(nfa.closure([start]), 0)

	def general(self, region):
		nfa = Nfa()
		start = nfa.state()
		end = nfa.add(Parser(region.general).parse(), start)
		return self.build(nfa, start, lambda states, depth: int(end in states))

	def country(self, regions):
		"""Accepts valid numbers with 1 + position of the region in the list."""
		nfa = Nfa()
		start = nfa.state()
		ends = []
		for r in regions:
			def add(pattern):
				first = nfa.state()
				nfa.empty[start].append(first)
				return nfa.add(Parser(pattern).parse(), first)

			leading = add(f'(?:{r.leading})\\d{{0,{MAX_NATIONAL}}}') if r.leading else None
			ends.append((leading, add(r.general), frozenset(r.lengths),
						 [(add(pattern), lengths) for pattern, lengths in r.types]))

		def accept(states, depth):
			for position, (leading, general, lengths, types) in enumerate(ends, 1):
				if leading is not None and leading not in states:
					continue
				valid = general in states and depth in lengths and any(
					end in states and depth in allowed for end, allowed in types)
				if valid:
					return position
				if leading is not None:
					return 0
			return 0

		return self.build(nfa, start, accept)


class Programs:
	"""Prefix patterns as instructions; the number in the low 12 bits."""
	CLASS, SPLIT, JUMP, SAVE, END, MATCH = (n << 12 for n in range(6))

	def __init__(self):
		self.code, self.starts = [self.MATCH], {'': 0}

	def add(self, pattern):
		if pattern not in self.starts:
			self.starts[pattern] = len(self.code)
			self.emit(Parser(pattern).parse())
			self.code.append(self.MATCH)
		return self.starts[pattern]

	def emit(self, node):
		kind, code = node[0], self.code
		if kind == 'class':
			code.append(self.CLASS | node[1])
		elif kind == 'cat':
			for part in node[1]:
				self.emit(part)
		elif kind == 'alt':
			jumps = []
			for part in node[1][:-1]:
				split = len(code)
				code.append(0)
				self.emit(part)
				jumps.append(len(code))
				code.append(0)
				code[split] = self.SPLIT | len(code) - split
			self.emit(node[1][-1])
			for jump in jumps:
				code[jump] = self.JUMP | len(code) - jump
		elif kind == 'rep':
			for _ in range(node[2]):
				self.emit(node[1])
			splits = []
			for _ in range(node[3] - node[2]):
				splits.append(len(code))
				code.append(0)
				self.emit(node[1])
			for split in splits:
				code[split] = self.SPLIT | len(code) - split
		elif kind == 'group':
			code.append(self.SAVE | 2 * node[1])
			self.emit(node[2])
			code.append(self.SAVE | 2 * node[1] + 1)
		elif kind == 'end':
			code.append(self.END)


def mask(lengths):
	return sum(1 << n for n in lengths if n <= 31)


def numbers(values, width=100):
	line, out = '\t', []
	for v in values:
		word = f'{v}, '
		if len(line) + len(word) > width:
			out.append(line.rstrip())
			line = '\t'
		line += word
	out.append(line.rstrip().rstrip(','))
	return '\n'.join(out)


def main():
	args = argparse.ArgumentParser()
	args.add_argument('package')
	args.add_argument('--csv')
	args = args.parse_args()
	arrays, orders = read_package(args.package)
	regions = {name: Region(name, array) for name, array in arrays.items()}
	if args.csv:
		check_csv(args.csv, regions)

	automata, programs = Automata(), Programs()
	region_rows, country_rows = [], []
	codes = sorted(orders)
	for code in codes:
		# a calling code that belongs to no region has its own entry, named by the code
		members = [regions[str(code) if name == '001' else name] for name in orders[code]]
		first = len(region_rows)
		for r in members:
			name = r.name if r.name.isalpha() else '001'
			region_rows.append(
				f'\t{{"{name}", {code}, {automata.general(r)}, {programs.add(r.idd)}, '
				f'{programs.add(r.parsing)}, "{r.transform}", {mask(r.lengths):#x}, {mask(r.local_lengths):#x}}}')
		country_rows.append(f'\t{{{code}, {first}, {automata.country(members)}}}')
	ordered = sorted((r.split('"')[1], n) for n, r in enumerate(region_rows) if '"001"' not in r)
	if len(automata.rows) > 65535 or len(programs.code) > 4095:
		sys.exit('tables too large for their types')

	print(f'''/*
 * phone_rules.h
 *		Tables of numbering plans for phone.c.  Written by phone_rules.py: do not edit.
 *
 * Made from the metadata of libphonenumber, Copyright (C) The Libphonenumber
 * Authors, licensed under the Apache License, Version 2.0
 * (http://www.apache.org/licenses/LICENSE-2.0).
 *
 * {len(region_rows)} regions, {len(country_rows)} calling codes, {len(automata.rows)} states.
 */
#ifndef CDP_PHONE_RULES_H
#define CDP_PHONE_RULES_H

/* a state's successors by digit; state 0 accepts nothing */
static const uint16 phone_state[{len(automata.rows)}][10] = {{''')
	print(',\n'.join('\t{' + ', '.join(map(str, row)) + '}' for _, row in automata.rows))
	print(f'''}};

/* what a state accepts: 0 nothing, else 1 + position among the regions of the calling code */
static const uint8 phone_accept[{len(automata.rows)}] = {{
{numbers(accept for accept, _ in automata.rows)}
}};

/* programs of prefixes: operation << 12 | number; program 0 is the missing pattern */
static const uint16 phone_program[{len(programs.code)}] = {{
{numbers(programs.code)}
}};

/* the first region of a calling code is its main one */
static const PhoneRegion phone_region[{len(region_rows)}] = {{''')
	print(',\n'.join(region_rows))
	print(f'''}};

/* calling code, first region, automaton of valid numbers; by code */
static const PhoneCountry phone_country[{len(country_rows)}] = {{''')
	print(',\n'.join(country_rows))
	print(f'''}};

/* 1 + place in phone_country, by calling code */
static const uint8 phone_country_by_code[1000] = {{
{numbers(codes.index(n) + 1 if n in codes else 0 for n in range(1000))}
}};

/* places in phone_region, by name */
static const uint16 phone_region_by_name[{len(ordered)}] = {{
{numbers(n for _, n in ordered)}
}};

#endif							/* CDP_PHONE_RULES_H */''')


if __name__ == '__main__':
	main()
