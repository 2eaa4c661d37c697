/*
 * apply OLD PATCH NEW     applies a patch to files; ends with 1 and the refusal's code where it is refused
 * frames                  applies patches that come framed over stdin, for the tests of this repository (frames.c)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "frames.h"

static uint8_t *file_at(const char *path, uint32_t *length) {
  FILE *file = fopen(path, "rb");
  uint8_t *bytes;
  long size = 0;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) give_up("a file cannot be read");
  if (size > 0x7fffffffL) give_up("a file is too large");
  bytes = memory_for((size_t)size);
  rewind(file);
  if (fread(bytes, 1, (size_t)size, file) != (size_t)size) give_up("a file cannot be read");
  fclose(file);
  *length = (uint32_t)size;
  return bytes;
}

static voltseal_patch_code apply(device *at, const uint8_t *bytes, uint32_t length) {
  const voltseal_patch_driver driver = device_driver(at);
  voltseal_patch_header header;
  voltseal_patch *patch;
  uint64_t memory;
  uint32_t offset = VOLTSEAL_PATCH_HEADER_BYTES;
  voltseal_patch_code code = voltseal_patch_read_header(bytes, length, &header);
  if (code != VOLTSEAL_PATCH_OK) return code;
  memory = voltseal_patch_memory(&header);
  at->room = header.target_length;
  at->now = memory_for(at->room);
  /* A header that states more than a machine has is refused as a device refuses it. */
  if (memory > 0x7fffffffu) return VOLTSEAL_PATCH_MEMORY_REFUSED;
  code = voltseal_patch_begin(&patch, &header, &driver, memory_for((size_t)memory), (size_t)memory, at->room);
  if (code == VOLTSEAL_PATCH_OK) code = voltseal_patch_check_base(patch);
  while (code == VOLTSEAL_PATCH_OK && offset < length) {
    const uint32_t left = length - offset;
    const uint64_t whole = left < 4 ? left : voltseal_patch_block_length(bytes + offset);
    const uint32_t taken = whole < left ? (uint32_t)whole : left;
    code = voltseal_patch_take(patch, bytes + offset, taken);
    offset += taken;
  }
  return code == VOLTSEAL_PATCH_OK ? voltseal_patch_check_target(patch) : code;
}

int main(int count, char **words) {
  if (count == 5 && strcmp(words[1], "apply") == 0) {
    device at = {0};
    uint32_t length;
    uint8_t *bytes = file_at(words[3], &length);
    voltseal_patch_code code;
    FILE *file;
    at.old = file_at(words[2], &at.old_length);
    code = apply(&at, bytes, length);
    if (code != VOLTSEAL_PATCH_OK) {
      fprintf(stderr, "%s\n", voltseal_patch_name(code));
      return 1;
    }
    file = fopen(words[4], "wb");
    if (file == NULL || fwrite(at.now, 1, at.written, file) != at.written || fclose(file) != 0) give_up("the image cannot be written");
    return 0;
  }
  if (count == 2 && strcmp(words[1], "frames") == 0) return answer_frames(stdin, stdout);
  fprintf(stderr, "apply OLD PATCH NEW\nframes\n");
  return 64;
}
