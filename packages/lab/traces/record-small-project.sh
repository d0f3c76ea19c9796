#!/bin/sh
# Records the kernel's memory events while a small C project is built, run and removed.
# Run as root on an otherwise quiet machine: sh record-small-project.sh OUT-PREFIX
#
# It traces in an instance of its own, so no setting of the machine's main trace buffer is touched:
# removing the instance, which the trap does whatever happens, undoes everything.
set -eu
out=${1:?usage: sh record-small-project.sh OUT-PREFIX}

tracefs=/sys/kernel/tracing
[ -d "$tracefs/instances" ] || mount -t tracefs nodev "$tracefs"
instance=$tracefs/instances/kmem-record
mkdir "$instance"
work=$(mktemp -d)
trap 'echo 0 >"$instance/tracing_on"; rmdir "$instance"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo 0 >"$instance/tracing_on"
echo 65536 >"$instance/buffer_size_kb"
echo 0 >"$instance/options/hash-ptr" # real pointers: hashed ones can collide
for event in kmalloc kmalloc_node kmem_cache_alloc kmem_cache_alloc_node kfree kmem_cache_free \
  mm_page_alloc mm_page_free mm_page_free_batched mm_page_alloc_zone_locked mm_page_pcpu_drain \
  mm_page_alloc_extfrag; do
  # kernels before 6.1 have the _node events, later ones do not
  if [ -d "$instance/events/kmem/$event" ]; then echo 1 >"$instance/events/kmem/$event/enable"; fi
done

# A small project's life: written, packed, unpacked, built, run, served over the loopback, removed.
workload() {
  mkdir "$work/src" "$work/copy"
  for unit in 1 2 3 4; do
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint unit%s(int n) { char *s = malloc(n + 1); memset(s, 42, n); s[n] = 0; n = puts(s); free(s); return n; }\n' \
      "$unit" >"$work/src/unit$unit.c"
  done
  printf 'int unit1(int), unit2(int), unit3(int), unit4(int);\nint main(void) { unit1(1); unit2(2); unit3(3); unit4(4); return 0; }\n' \
    >"$work/src/main.c"
  seq -f "$work/src/doc%g" 250 | xargs mkdir
  for page in "$work"/src/doc*; do
    echo "about ${page##*/}" >"$page/page.txt"
  done
  tar -C "$work/src" -c . | tar -C "$work/copy" -x
  for unit in unit1 unit2 unit3 unit4 main; do
    gcc -O2 -c "$work/copy/$unit.c" -o "$work/copy/$unit.o" &
  done
  wait
  gcc "$work"/copy/*.o -o "$work/copy/demo"
  "$work/copy/demo" >/dev/null
  node -e '
    const http = require("http");
    const body = Buffer.alloc(256 * 1024, 42);
    const server = http.createServer((request, response) => response.end(body));
    server.listen(0, "127.0.0.1", async () => {
      const get = (agent) => new Promise((done, fail) => {
        http.get({ port: server.address().port, agent }, (response) => response.resume().on("end", done)).on("error", fail);
      });
      for (let round = 0; round < 20; round++) await Promise.all([1, 2, 3, 4].map(() => get(false)));
      server.close();
    });'
  rm -r "$work/src" "$work/copy"
}

cat /proc/buddyinfo >"$out.buddyinfo.before"
echo 1 >"$instance/tracing_on"
workload
echo 0 >"$instance/tracing_on"
cat /proc/buddyinfo >"$out.buddyinfo.after"
cat "$instance/trace" | gzip -9 -n >"$out.ftrace.gz"
