# Counts words, notes the lines each stands on, and rewrites the text a few times.
use strict;
use warnings;

open(my $file, "<", $ARGV[0]) or die "cannot read $ARGV[0]: $!";
my @lines = <$file>;
my (%lines_of, %by_start);
for my $number (0 .. $#lines) {
  $lines_of{lc $_}{$number}++ for $lines[$number] =~ /\w+/g;
}
push @{$by_start{substr($_, 0, 2)}}, $_ for keys %lines_of;
for my $start (sort keys %by_start) {
  print join(" ", map { "$_:" . join(",", sort { $a <=> $b } keys %{$lines_of{$_}}) } sort @{$by_start{$start}}), "\n";
}
for my $time (1 .. 12) {
  my $text = join("", @lines);
  $text =~ s/(\w+)/ucfirst $1/ge;
  my @parts = split /\s+/, $text;
  print scalar(@parts), "\n";
}
