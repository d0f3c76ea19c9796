// One of the threads that run exchange.c: it attaches, runs the program, and tells what that returned.

import { parentPort, workerData } from "node:worker_threads";
import { SharedHeap } from "../../../src/index.ts";
import { type ExchangeAnswer, type ExchangeOrders, instantiate } from "./instance.ts";

const { module, memory, handle, maker, rounds, threads } = workerData as ExchangeOrders;
const heap = SharedHeap.attach(handle);
const { exchange } = instantiate(module, memory, heap);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
parentPort!.postMessage({ rounds: exchange(maker, rounds, threads) } satisfies ExchangeAnswer);
heap.detach();
