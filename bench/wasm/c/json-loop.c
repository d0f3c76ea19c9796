/*
 * Parses a large JSON text, prints it and deletes the tree, again and again: each value is an object of its own, each
 * text too. Prints a checksum of all that it printed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cJSON.h"

static uint32_t state = 1;

static uint32_t below(uint32_t count) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % count;
}

/* A list of records, such as a server answers with. */
static char *make_text(int records) {
  static const char *words[] = {"alpha", "beta", "gamma delta", "epsilon", "zeta eta theta", "iota kappa lambda mu"};
  cJSON *list = cJSON_CreateArray();
  for (int i = 0; i < records; i++) {
    cJSON *record = cJSON_CreateObject();
    cJSON_AddNumberToObject(record, "id", i);
    cJSON_AddStringToObject(record, "name", words[below(6)]);
    cJSON_AddNumberToObject(record, "weight", below(100000) / 8.0);
    cJSON_AddBoolToObject(record, "open", below(2));
    cJSON *tags = cJSON_AddArrayToObject(record, "tags");
    for (uint32_t tag = below(6); tag > 0; tag--) cJSON_AddItemToArray(tags, cJSON_CreateString(words[below(6)]));
    cJSON_AddItemToArray(list, record);
  }
  char *text = cJSON_Print(list);
  cJSON_Delete(list);
  return text;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 20;
  char *text = make_text(10000);
  uint32_t checksum = 0;
  for (int round = 0; round < rounds; round++) {
    cJSON *tree = cJSON_Parse(text);
    /* Some records go before the rest, so that freed places lie among used ones. */
    for (int i = 0; i < 2000; i++) cJSON_DeleteItemFromArray(tree, below(100));
    char *printed = cJSON_PrintUnformatted(tree);
    for (char *byte = printed; *byte != 0; byte++) checksum = checksum * 31 + (unsigned char)*byte;
    free(printed);
    cJSON_Delete(tree);
  }
  printf("%zu bytes of JSON, %d rounds, checksum %08x\n", strlen(text), rounds, checksum);
  free(text);
  return 0;
}
