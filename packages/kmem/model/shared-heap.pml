/*
 * A model of the shared heap's protocol, for spin to explore completely: workers that allocate and free, one lock that they
 * sleep on, a kill at any point, and recovery, which may be killed too.
 *
 *     part of the model          models
 *     acquire, release           Lock.acquire, tryOnce, sleep, release              src/shared/lock.ts
 *     takeOver, wakeAll          Lock.takeOver, wakeAll                             src/shared/lock.ts
 *     allocate, free, push       SharedPool.allocate, free, push                    src/shared/shared-pool.ts
 *     trade: refill, give back   SharedPool.trade; SlabPool.trade, giveBack         src/slab/slab-pool.ts
 *     send home, take, emptyInbox   SharedPool.sendHome, refill, emptyInboxes; Inboxes   src/shared/inboxes.ts
 *     recover                    SharedHeap.recover, acquireFromTheDead             src/shared/shared-heap.ts
 *     rebuild, inherit           rebuildPool (the counts); SharedPool.inherit       src/slab/rebuild.ts, shared-pool.ts
 *
 * Each statement that reads or writes shared memory is a step of its own. What is atomic here is one atomic operation
 * there. Memory is as sequentially consistent as spin has it: what one thread writes without atomics, another one reads under
 * the lock only, or not before it is dead.
 *
 * Left out: sizes, slabs and pages (one cache, and one counter that stands for all that can be rebuilt), the lock's
 * generation and its time-out, growth.
 *
 * Properties, all by assertion:
 *     an object is never handed out while somebody has it                    where an allocation ends
 *     a free of an object that one has succeeds; of two, just one            where a free ends
 *     the counters agree with the maps whenever somebody has the lock        where trade begins
 *     when nothing can go on, everybody has ended, and each slot is in just one place    in Watch
 *
 * Settings: WORKERS, OPERATIONS of each, SLOTS, KILLS (0, 1: a worker; 2: the recoverer too), DOUBLE_FREE (both workers free
 * one object), HOME (magazines of one slot, of which one is full at first, and objects in place of free slots: so slots are sent
 * home). Faults, each of which must be found: TOP_FIRST, DEPOT_FIRST, NO_WAKE_ALL, NO_REBUILD, PLAIN_AND, NO_INHERIT,
 * INBOX_FIRST, NO_EMPTY_INBOXES, NO_CLOSE.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifdef HOME
#define MAGAZINE 1
#else
#define MAGAZINE 2
#endif
#define BATCH 1

/* The first recoverer has the number after the workers, the second one the next. */
#define RESCUER WORKERS
#define LAST (WORKERS + 1)
#define THREADS (WORKERS + 2)

/* The lock word. */
byte owner = 0;
bit contended = 0;
bit asleep[THREADS];

/* The maps, the magazines, and one count that follows from the maps. */
bit inUse[SLOTS];
bit depot[SLOTS];
byte magazine[THREADS * MAGAZINE];
byte top[THREADS];
byte freeCount = SLOTS;

/* Each worker's inbox, of one slot; only an open one is put into. */
bit isOpen[WORKERS];
bit isWaiting[WORKERS];
byte waiting[WORKERS];

/* States of threads: THREAD_DEAD of layout.ts, and the truth about them. */
bit declaredDead[THREADS];
bit dead[THREADS];
bit ended[THREADS];
byte kills = 0;
bit isRecovered = 0;

/* What applications have: set when an allocation has returned, cleared by whoever is going to free. */
bit live[SLOTS];
byte freed = 0;

inline acquire() {
  if
  :: atomic { owner == 0 -> owner = me + 1 }
  :: owner != 0 ->
    do
    :: atomic { owner == 0 -> owner = me + 1; contended = 1 }; break
    :: atomic { owner != 0 -> contended = 1; seen = owner };
       atomic {
         if
         :: owner == seen && contended -> asleep[me] = 1
         :: else
         fi
       };
       !asleep[me]
    od
  fi
}

inline release() {
  atomic {
    assert(owner == me + 1);
    wasContended = contended;
    owner = 0;
    contended = 0
  };
  if
  :: wasContended -> notify()
  :: else
  fi
}

/* Wakes one of those that sleep, be it one that is dead. */
inline notify() {
  atomic {
    if
    :: asleep[0] -> asleep[0] = 0
    :: asleep[1] -> asleep[1] = 0
    :: asleep[2] -> asleep[2] = 0
    :: asleep[3] -> asleep[3] = 0
#if THREADS > 4
    :: asleep[4] -> asleep[4] = 0
#endif
    :: else
    fi
  }
}

inline wakeAll() {
#ifdef NO_WAKE_ALL
  skip
#else
  atomic {
    at = 0;
    do
    :: at < THREADS -> asleep[at] = 0; at++
    :: else -> break
    od;
    at = 0
  }
#endif
}

/* Moves what waits in an inbox to the depot. */
inline emptyInbox(worker) {
  if
  :: isWaiting[worker] ->
    if
    :: depot[waiting[worker]]
    :: else ->
      inUse[waiting[worker]] = 0;
      depot[waiting[worker]] = 1;
      freeCount++
    fi;
    isWaiting[worker] = 0
  :: else
  fi
}

inline emptyInboxes() {
  if
#if WORKERS > 2
  :: isWaiting[0] || isWaiting[1] || isWaiting[2] -> emptyInbox(0); emptyInbox(1); emptyInbox(2)
#else
  :: isWaiting[0] || isWaiting[1] -> emptyInbox(0); emptyInbox(1)
#endif
  :: else
  fi
}

/* Half a magazine of slots, from the depot into an empty one. Which of them is no part of the protocol. */
inline refill() {
  if
  :: depot[0] -> slot = 0
  :: depot[1] -> slot = 1
#if SLOTS > 2
  :: depot[2] -> slot = 2
#endif
  fi;
#ifdef DEPOT_FIRST
  depot[slot] = 0;
  magazine[me * MAGAZINE] = slot;
  top[me] = 1;
#else
  magazine[me * MAGAZINE] = slot;
  top[me] = 1;
  depot[slot] = 0;
#endif
  freeCount--
}

/* Sends a slot to the inbox of worker `home`: any may be its home. */
inline sendHome(home) {
  waiting[home] = magazine[me * MAGAZINE];
  isWaiting[home] = 1
}

/* Half a magazine of slots: into an empty one, or out of a full one. */
inline trade() {
  acquire();
  atomic {
    at = 0; counted = 0;
    do
    :: at < SLOTS -> counted = counted + depot[at]; at++
    :: else -> break
    od;
    assert(counted == freeCount);
    at = 0; counted = 0
  };
  isOpen[me] = 1;
  if
  :: top[me] == 0 && isWaiting[me] ->
#ifdef INBOX_FIRST
    isWaiting[me] = 0;
    magazine[me * MAGAZINE] = waiting[me];
    top[me] = 1
#else
    magazine[me * MAGAZINE] = waiting[me];
    top[me] = 1;
    isWaiting[me] = 0
#endif
  :: top[me] == 0 && !isWaiting[me] && freeCount > 0 -> refill()
  :: top[me] == 0 && !isWaiting[me] && freeCount == 0 ->
    emptyInboxes();
    if
    :: freeCount > 0 -> refill()
    :: else
    fi
  :: top[me] == MAGAZINE ->
    if
    :: isOpen[0] && !isWaiting[0] -> sendHome(0)
    :: isOpen[1] && !isWaiting[1] -> sendHome(1)
#if WORKERS > 2
    :: isOpen[2] && !isWaiting[2] -> sendHome(2)
#endif
    :: depot[magazine[me * MAGAZINE]] = 1;
       freeCount++
    fi;
#if MAGAZINE > 1
    magazine[me * MAGAZINE] = magazine[me * MAGAZINE + 1];
#endif
    top[me] = MAGAZINE - BATCH
  fi;
  slot = 0;
  release()
}

inline allocate() {
  if
  :: top[me] == 0 -> trade()
  :: else
  fi;
  if
  :: top[me] == 0
  :: else ->
    object = magazine[me * MAGAZINE + top[me] - 1];
#ifdef TOP_FIRST
    top[me]--;
    atomic { inUse[object] = 1; assert(!live[object]); live[object] = 1 };
#else
    inUse[object] = 1;
    /* The last step of the call: who made it has the object. */
    atomic { top[me]--; assert(!live[object]); live[object] = 1 };
#endif
    object = 0
  fi
}

/* Frees `object`. With one of two frees at a time, or just one, `wasFreed` tells whether this was it. */
inline free() {
  wasFreed = 0;
  if
  :: !inUse[object]
  :: else ->
    if
    :: top[me] == MAGAZINE -> trade()
    :: else
    fi;
    magazine[me * MAGAZINE + top[me]] = object;
    top[me]++;
#ifdef PLAIN_AND
    wasFreed = inUse[object];
    inUse[object] = 0;
#else
    atomic { wasFreed = inUse[object]; inUse[object] = 0 };
#endif
    if
    :: wasFreed
    :: else -> top[me]--
    fi
  fi
}

/* Takes out of what applications have any object that there is. */
inline choose() {
  atomic {
    if
    :: live[0] -> object = 0; live[0] = 0
    :: live[1] -> object = 1; live[1] = 0
#if SLOTS > 2
    :: live[2] -> object = 2; live[2] = 0
#endif
    fi
  }
}

proctype Worker(byte me) provided (!dead[me]) {
  byte object = 0, slot = 0, seen = 0, at = 0, counted = 0, operations = 0;
  bit wasContended = 0, wasFreed = 0;
#ifdef DOUBLE_FREE
  object = 0;
  free();
  atomic { freed = freed + wasFreed; wasFreed = 0 };
#else
  do
  :: operations < OPERATIONS -> operations++;
    if
    :: allocate()
    :: choose(); free(); atomic { assert(wasFreed); wasFreed = 0; object = 0 }
    fi
  :: break
  od;
#endif
  ended[me] = 1
}

/* What SharedHeap.recover(victim) does, by thread `me`. */
inline recover(victim) {
  declaredDead[victim] = 1;
  heldLock = 0;
  seen = owner;
  if
  :: seen > 0 && declaredDead[seen - 1] ->
    atomic {
      if
      :: owner == seen -> owner = me + 1; contended = 1; heldLock = 1
      :: else
      fi
    }
  :: else
  fi;
  seen = 0;
  if
  :: !heldLock -> acquire()
  :: else
#ifndef NO_REBUILD
    ; freeCount = 0;
    at = 0;
    do
    :: at < SLOTS -> atomic { freeCount = freeCount + depot[at]; at++ }
    :: else -> break
    od;
    at = 0
#endif
#ifndef NO_EMPTY_INBOXES
    ; emptyInboxes()
#endif
  fi;
  thread = 0;
  do
  :: thread < THREADS && declaredDead[thread] ->
#ifndef NO_INHERIT
    do
    :: top[thread] > 0 ->
      slot = magazine[thread * MAGAZINE + top[thread] - 1];
      if
      :: depot[slot]
      :: else ->
        inUse[slot] = 0;
        depot[slot] = 1;
        freeCount++
      fi;
      top[thread]--
    :: else -> break
    od;
#endif
    slot = 0;
    if
    :: thread < WORKERS && isWaiting[thread] -> emptyInbox(thread)
    :: else
    fi;
#ifndef NO_CLOSE
    if
    :: thread < WORKERS -> isOpen[thread] = 0
    :: else
    fi;
#endif
    declaredDead[thread] = 0;
    thread++
  :: thread < THREADS && !declaredDead[thread] -> thread++
  :: else -> break
  od;
  thread = 0;
  heldLock = 0;
  release();
  wakeAll()
}

/* Hears that a thread is dead: that its engine has ended it, so it sleeps no more. Until then it may be woken in vain. */
inline hear(victim) {
  atomic { dead[victim] -> asleep[victim] = 0 }
}

/* The thread that hears of a worker's death. */
proctype Rescuer(byte me; byte victim) provided (!dead[me]) {
  byte slot = 0, seen = 0, at = 0, thread = 0;
  bit wasContended = 0, heldLock = 0;
  hear(victim);
  recover(victim);
  atomic { ended[me] = 1; isRecovered = 1 }
}

/* The one that hears of a rescuer's. */
proctype LastRescuer(byte me; byte victim) {
  byte slot = 0, seen = 0, at = 0, thread = 0;
  bit wasContended = 0, heldLock = 0;
  hear(victim);
  hear(RESCUER);
  /* A dead thread that holds the lock has to be recovered first: waiting for it ends with STALLED, which names it. */
  if
  :: owner == RESCUER + 1 -> recover(RESCUER); recover(victim)
  :: else -> recover(victim); recover(RESCUER)
  fi;
  atomic { ended[me] = 1; isRecovered = 1 }
}

/* Kills at any point. All workers are alike: the first is the one. */
proctype Killer() {
  atomic { !ended[0] -> dead[0] = 1; kills = 1 };
#if KILLS > 1
  if
  :: atomic { !ended[RESCUER] -> dead[RESCUER] = 1; kills = 2 }
  :: skip
  fi
#endif
}

/* Runs when nothing else can: then everybody has ended, and each slot is in just one place. */
proctype Watch() {
  byte at = 0, thread = 0, count = 0, counted = 0;
  timeout;
  atomic {
    thread = 0;
    do
    :: thread < WORKERS -> assert(ended[thread] || dead[thread]); thread++
    :: else -> break
    od;
    assert(kills == 0 || isRecovered);
    assert(owner == 0);
    at = 0;
    do
    :: at < SLOTS ->
      count = inUse[at] + depot[at];
      counted = counted + depot[at];
      thread = 0;
      do
      :: thread < THREADS * MAGAZINE ->
        if
        :: thread % MAGAZINE < top[thread / MAGAZINE] && magazine[thread] == at -> count++
        :: else
        fi;
        thread++
      :: else -> break
      od;
      /* What waits for somebody who will never come is lost. */
      thread = 0;
      do
      :: thread < WORKERS ->
        if
        :: isWaiting[thread] && waiting[thread] == at && !dead[thread] -> count++
        :: else
        fi;
        thread++
      :: else -> break
      od;
      assert(count == 1);
      assert(!live[at] || inUse[at]);
      at++
    :: else -> break
    od;
    assert(counted == freeCount);
#ifdef DOUBLE_FREE
    assert(freed == 1);
#endif
  }
}

init {
  byte at = 0;
  atomic {
#ifdef DOUBLE_FREE
    inUse[0] = 1;
    freeCount--;
    at = 1;
#endif
    do
    :: at < SLOTS ->
#ifdef HOME
      inUse[at] = 1;
      live[at] = 1;
      freeCount--;
#else
      depot[at] = 1;
#endif
      at++
    :: else -> break
    od;
#ifdef HOME
    /* One that can be killed, or one that cannot, has a full magazine. */
    if
    :: at = 0
    :: at = 1
    fi;
    inUse[0] = 0;
    live[0] = 0;
    top[at] = 1;
    isOpen[0] = 1;
    isOpen[1] = 1;
#if WORKERS > 2
    isOpen[2] = 1;
#endif
#endif
    at = 0;
    do
    :: at < WORKERS -> run Worker(at); at++
    :: else -> break
    od;
    at = 0;
#if KILLS > 0
    run Killer();
    run Rescuer(RESCUER, 0);
#endif
#if KILLS > 1
    run LastRescuer(LAST, 0);
#endif
    run Watch()
  }
}
