#!/usr/bin/perl
# messages.pl N [PEOPLE [SEED]]: N lines of realistic messages, one JSON a line.
#
# PEOPLE (default N / 17) visit with one of two devices; 20 event names, 8
# properties, 5 % are retries of an earlier line, 10 % of the visits log in,
# which joins the device with the account.  Times run over six months.
use strict;
use warnings;

my ($n, $people, $seed) = @ARGV;
$people ||= int($n / 17) || 1;
srand($seed || 1);

my @names = ('Product Viewed', 'Product List Viewed', 'Product Clicked', 'Product Added', 'Product Removed', 'Cart Viewed',
	'Checkout Started', 'Checkout Step Viewed', 'Checkout Step Completed', 'Payment Info Entered', 'Order Completed',
	'Coupon Entered', 'Coupon Applied', 'Products Searched', 'Email Opened', 'Email Link Clicked', 'Article Read',
	'Video Played', 'Support Ticket Opened', 'Survey Answered');
my @cities = qw(Warszawa Kraków Łódź Wrocław Poznań Gdańsk Szczecin Bydgoszcz Lublin Katowice);
my @agents = map { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/$_.0.0.0 Safari/537.36" } 100 .. 139;
my @recent;

binmode STDOUT, ':raw';
my $start = 1_767_225_600;    # 2026-01-01
for my $i (1 .. $n) {
	if (@recent && rand() < 0.05) {
		print $recent[rand @recent];
		next;
	}
	# some people come often, most do not
	my $p = int($people * rand() ** 1.5);
	my $device = $p * 2 + (rand() < 0.3 ? 1 : 0);
	my $t = $start + $i * 15_552_000 / $n;
	my @d = gmtime $t;
	my $stamp = sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', $d[5] + 1900, $d[4] + 1, @d[3, 2, 1, 0], ($t * 1000) % 1000;
	my $ids = sprintf '"anonymousId":"%08x-0000-4000-8000-%012x"', $device, $device;
	my $login = rand() < 0.10;
	$ids .= sprintf ',"userId":"u-%d"', $p if $login;
	my $line;
	if ($login && rand() < 0.4) {
		$line = sprintf '{"type":"identify","messageId":"ajs-%d-%08x","timestamp":"%s",%s,"traits":{"email":"user%d@example.com","firstName":"Name%d","lastName":"Family%d","address":{"city":"%s","country":"PL"},"plan":"%s","age":%d}',
			$t * 1000, $i, $stamp, $ids, $p, $p % 500, $p % 3000, $cities[ $p % @cities ], (qw(free pro team))[ $p % 3 ], 18 + $p % 70;
	}
	else {
		my $name = $names[ int(@names * rand() ** 2) ];
		my $price = 5 + int(rand 20000) / 100;
		$line = sprintf '{"type":"track","event":"%s","messageId":"ajs-%d-%08x","timestamp":"%s",%s,"properties":{"product_id":"P-%d","sku":"S-%d","category":"%s","name":"Product number %d","brand":"Brand %d","price":%.2f,"quantity":%d,"currency":"PLN"%s}',
			$name, $t * 1000, $i, $stamp, $ids, rand 2000, rand 2000, (qw(coffee tea grinders cups filters))[ rand 5 ], rand 2000, rand 40, $price, 1 + rand 3,
			$name eq 'Order Completed' ? sprintf(',"order_id":"O-%d","revenue":%.2f', $i, $price) : '';
	}
	$line .= sprintf ',"context":{"library":{"name":"analytics.js","version":"next-1.84.3"},"userAgent":"%s","locale":"pl-PL","timezone":"Europe/Warsaw","page":{"path":"/p/%d","url":"https://shop.example/p/%d","title":"Page %d"}},"sentAt":"%s"}' . "\n",
		$agents[ $device % @agents ], $i % 997, $i % 997, $i % 997, $stamp;
	push @recent, $line if @recent < 5000;
	$recent[ rand @recent ] = $line if @recent == 5000 && $i % 7 == 0;
	print $line;
}
