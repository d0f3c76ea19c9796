"""Counts the words of a text, sends the counts through JSON, and builds a tree of letters."""

import collections
import json
import re
import sys

words = re.findall(r"\w+", open(sys.argv[1]).read() * 3)
count = collections.Counter(words)
entries = [{"word": word, "count": n, "at": list(range(n % 17))} for word, n in count.items()]
back = json.loads(json.dumps(entries))
tree = {}
for word in words:
    node = tree
    for letter in word.lower():
        node = node.setdefault(letter, {})
print(len(words), len(back), len(tree))
