import { describe, expect, test } from "vitest";
import { parseEventFormat } from "../../src/record/event-format.ts";
import { parsePageLayout } from "../../src/record/page-layout.ts";
import { RecordError } from "../../src/record/record-error.ts";
import { LAYOUT } from "../helpers/ring-pages.ts";

const FORMAT = [
  "name: kmem_cache_free",
  "ID: 656",
  "format:",
  "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;",
  "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;",
  "",
  "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;",
  "\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;",
  "\tfield:char comm[16];\toffset:28;\tsize:16;\tsigned:0;",
  "",
  'print fmt: "ptr=%p name=%s", REC->ptr, __get_str(name)',
  "",
].join("\n");

const HEADER_PAGE = [
  "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;",
  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;",
  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;",
  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;",
  "",
].join("\n");
const HEADER_EVENT = [
  "# compressed entry header",
  "\ttype_len    :    5 bits",
  "\ttime_delta  :   27 bits",
  "\tarray       :   32 bits",
  "",
  "\tpadding     : type == 29",
  "\ttime_extend : type == 30",
  "\ttime_stamp : type == 31",
  "\tdata max type_len  == 28",
].join("\n");

describe("the kernel's description of an event", () => {
  test("its number, its fields and how it is printed", () => {
    const { name, id, fields, printFormat } = parseEventFormat(FORMAT);
    expect({ name, id, printFormat }).toEqual({
      name: "kmem_cache_free",
      id: 656,
      printFormat: '"ptr=%p name=%s", REC->ptr, __get_str(name)',
    });
    expect(Object.fromEntries(fields)).toEqual({
      common_type: { offset: 0, size: 2, isSigned: false, isText: false },
      common_pid: { offset: 4, size: 4, isSigned: true, isText: false },
      ptr: { offset: 16, size: 8, isSigned: false, isText: false },
      name: { offset: 24, size: 4, isSigned: false, isText: true },
      comm: { offset: 28, size: 16, isSigned: false, isText: false },
    });
  });

  test("something else is refused", () => {
    expect(() => parseEventFormat("nonsense")).toThrow(RecordError);
  });
});

describe("the kernel's description of a page", () => {
  test("where its parts lie", () => {
    expect(parsePageLayout(HEADER_PAGE, HEADER_EVENT)).toEqual(LAYOUT);
  });

  test("a kernel that packs events in another way is refused", () => {
    const other = HEADER_EVENT.replace("27 bits", "28 bits");
    expect(() => parsePageLayout(HEADER_PAGE, other)).toThrow(/packs its trace buffers/);
    expect(() => parsePageLayout("", HEADER_EVENT)).toThrow(/packs its trace buffers/);
  });
});
