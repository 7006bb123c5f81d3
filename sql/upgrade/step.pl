#!/usr/bin/env perl
# Writes the step from one version of the extension script to a later one:
#
#   perl sql/upgrade/step.pl OLD.sql NEW.sql > sql/upgrade/cdp--OLD--NEW.sql
#
# Statements that are the same in both are left out; a function whose header
# stayed is replaced, one that is gone, or whose header changed, is dropped (and
# made anew); other objects that are new are made.  A type, operator, aggregate
# or cast that changed cannot be replaced: the script says which, and whoever
# releases writes that part.  test/property/update.sh compares the outcome with
# a fresh installation, object by object.
#
# When a version is released, its whole script is kept as sql/upgrade/cdp--X.sql.
use strict;
use warnings;

# The statements of a script: split at semicolons outside of quotes and comments
sub statements
{
	my ($file) = @_;
	open(my $in, '<:encoding(UTF-8)', $file) or die "cannot read $file: $!\n";
	local $/;
	my $text = <$in>;
	$text =~ s/^\\echo .*\n//m;
	my @found;
	my $now = '';
	while ($text =~ /\G(\$(\w*)\$.*?\$\2\$|'(?:[^']|'')*'|--[^\n]*\n|;|[^\$'\-;]+|.)/gs)
	{
		my $part = $1;
		next if $part =~ /^--/;
		$now .= $part;
		next unless $part eq ';';
		$now =~ s/^\s+//;
		push @found, $now if $now ne ';';
		$now = '';
	}
	die "$file ends in the middle of a statement\n" if $now =~ /\S/;
	return @found;
}

# What a statement makes; nothing for those that only say something of an object
sub key
{
	my ($statement) = @_;
	my $flat = $statement;
	$flat =~ s/\s+/ /g;
	# arguments go up to the bracket that closes the first one
	return "\L$1 $2 $3"
	  if $flat =~ /^CREATE (FUNCTION|PROCEDURE|AGGREGATE) (cdp\.\S+?) ?(\((?:[^()]|\([^()]*\))*\))/;
	return $1 if $flat =~ /^CREATE (TYPE \S+ ?\()/;
	return $1 if $flat =~ /^CREATE (TYPE \S+?);/;
	return $1 if $flat =~ /^CREATE (OPERATOR (?:CLASS|FAMILY) .*? USING \S+)/;
	return $1 if $flat =~ /^CREATE (OPERATOR \S+ \( ?(?:LEFTARG = \S+)? ?(?:RIGHTARG = \S+)?)/;
	return $1 if $flat =~ /^CREATE (CAST \([^()]*\))/;
	return;
}

# Types of the arguments, as DROP wants them: names, modes and defaults go
sub arguments
{
	my ($list) = @_;
	$list =~ s/^\(|\)$//g;
	my @types;
	my ($depth, $word) = (0, '');
	for my $c (split(//, $list), ',')
	{
		$depth++ if $c eq '(';
		$depth-- if $c eq ')';
		if ($c eq ',' && !$depth)
		{
			$word =~ s/^\s+|\s+$//g;
			$word =~ s/\s+(DEFAULT|=)\s.*$//is;
			push @types, $word if $word ne '' && $word !~ /^out\s/i;
			$word = '';
		}
		else { $word .= $c; }
	}
	return '(' . join(', ', @types) . ')';
}

# Everything of a function that CREATE OR REPLACE may not change
sub header
{
	my ($statement) = @_;
	my ($header) = $statement =~ /^(.*?)\nLANGUAGE /s;
	$header = $statement unless defined $header;
	$header =~ s/\s+/ /g;
	# defaults may be added and changed, not taken away
	return $header;
}

die "usage: step.pl OLD.sql NEW.sql\n" unless @ARGV == 2;
my ($old_file, $new_file) = @ARGV;
my @old = statements($old_file);
my @new = statements($new_file);
my %is_old = map { $_ => 1 } @old;
my %old_object = map { my $k = key($_); defined $k ? ($k => $_) : () } @old;
my %new_object = map { my $k = key($_); defined $k ? ($k => $_) : () } @new;
my @by_hand;

binmode STDOUT, ':encoding(UTF-8)';
binmode STDERR, ':encoding(UTF-8)';
my ($version) = $new_file =~ /cdp--([^\/]*)\.sql$/;
print "\\echo Use \"ALTER EXTENSION cdp UPDATE\" to load this file. \\quit\n";

# what is gone, the last made first
for my $statement (reverse @old)
{
	my $k = key($statement);
	next unless defined $k;
	my $later = $new_object{$k};
	my ($kind, $name, $list) = $k =~ /^(function|procedure|aggregate) (\S+) (\(.*\))$/s;
	if (!defined $later)
	{
		if (defined $kind) { print "\nDROP \U$kind\E $name" . ($kind eq 'aggregate' ? $list : arguments($list)) . ";\n"; }
		else { push @by_hand, "gone: $k"; }
	}
	elsif (defined $kind && $kind ne 'aggregate' && header($later) ne header($statement))
	{
		print "\nDROP \U$kind\E $name" . arguments($list) . ";\n";
		delete $old_object{$k};
	}
}
my %is_remade;
for my $statement (@new)
{
	my $k = key($statement);
	if (!defined $k)
	{
		# REVOKE and COMMENT: when they are new, or their object was made anew
		my ($of) = $statement =~ /\b(?:FUNCTION|PROCEDURE) (cdp\.\w+)/;
		print "\n$statement\n" if !$is_old{$statement} || (defined $of && $is_remade{$of});
		next;
	}
	next if $is_old{$statement} && exists $old_object{$k};
	if (!exists $old_object{$k})
	{
		print "\n$statement\n";
		$is_remade{$1} = 1 if $k =~ /^(?:function|procedure) (\S+)/;
	}
	elsif ($k =~ /^(function|procedure) /)
	{
		$statement =~ s/^CREATE /CREATE OR REPLACE /;
		print "\n$statement\n";
	}
	else { push @by_hand, "changed: $k"; }
}
print STDERR "to be written by hand, $_\n" for @by_hand;
exit(@by_hand ? 1 : 0);
