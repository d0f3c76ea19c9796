# Counts the words of a text with nothing but the shell, and prints the most frequent.
declare -A count
words=()
while read -r line; do
  for word in $line; do
    word=${word,,}
    word=${word//[^a-z]/}
    [ -n "$word" ] || continue
    count[$word]=$((${count[$word]:-0} + 1))
    words+=("$word")
  done
done < <(head -n 150 "$1")
for word in "${!count[@]}"; do echo "${count[$word]} $word"; done | sort -rn | head -n 20
echo "${#words[@]} words"
