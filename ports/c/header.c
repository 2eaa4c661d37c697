#include <string.h>

#include "bytes.h"
#include "walk.h"

#define FORMAT_VERSION 1u
#define MOST_IMAGE_BYTES 0x7fffffffu
/* What covers take: as a list, and as a map of addresses. */
#define COVER_BYTES 24u

voltseal_patch_code voltseal_patch_read_header(const uint8_t *bytes, size_t length, voltseal_patch_header *header) {
  if (length < VOLTSEAL_PATCH_HEADER_BYTES || memcmp(bytes, "VSDP", 4) != 0) return VOLTSEAL_PATCH_MALFORMED;
  if (bytes[4] != FORMAT_VERSION || !is_known_architecture(bytes[5])) return VOLTSEAL_PATCH_NEWER;
  header->architecture = bytes[5];
  header->slot_bits = bytes[6];
  header->load = word_at(bytes + 8);
  header->base_length = word_at(bytes + 12);
  header->target_length = word_at(bytes + 16);
  header->covers = word_at(bytes + 20);
  header->longest = word_at(bytes + 24);
  memcpy(header->base_sha256, bytes + 28, sizeof header->base_sha256);
  memcpy(header->target_sha256, bytes + 60, sizeof header->target_sha256);
  memcpy(header->first, bytes + 92, sizeof header->first);
  if (bytes[7] != 0 || header->load % 4 != 0) return VOLTSEAL_PATCH_MALFORMED;
  if (header->slot_bits < LEAST_SLOT_BITS || header->slot_bits > MOST_SLOT_BITS) return VOLTSEAL_PATCH_MALFORMED;
  if (header->base_length > MOST_IMAGE_BYTES || header->target_length > MOST_IMAGE_BYTES) return VOLTSEAL_PATCH_MALFORMED;
  /* A cover has a byte at least, and covers do not overlap in the new image. */
  return header->covers > header->target_length ? VOLTSEAL_PATCH_MALFORMED : VOLTSEAL_PATCH_OK;
}

uint64_t voltseal_patch_memory(const voltseal_patch_header *header) {
  return (uint64_t)model_bytes(header->slot_bits) + (uint64_t)COVER_BYTES * header->covers +
         VOLTSEAL_PATCH_BLOCK_HEAD_BYTES + header->longest + STEP_STATE_BYTES;
}

uint64_t voltseal_patch_block_length(const uint8_t *head) {
  return (uint64_t)VOLTSEAL_PATCH_BLOCK_HEAD_BYTES + word_at(head);
}

const char *voltseal_patch_name(voltseal_patch_code code) {
  switch (code) {
    case VOLTSEAL_PATCH_OK:
      return "ok";
    case VOLTSEAL_PATCH_MALFORMED:
      return "patch-malformed";
    case VOLTSEAL_PATCH_NEWER:
      return "patch-newer";
    case VOLTSEAL_PATCH_ALTERED:
      return "patch-altered";
    case VOLTSEAL_PATCH_BASE_DIFFERS:
      return "patch-base-differs";
    case VOLTSEAL_PATCH_TARGET_DIFFERS:
      return "patch-target-differs";
    case VOLTSEAL_PATCH_MEMORY_REFUSED:
      return "patch-memory-refused";
    case VOLTSEAL_PATCH_NO_ROOM:
      return "patch-no-room";
    case VOLTSEAL_PATCH_SLOT_FAILED:
      return "slot-failed";
    default:
      return "unknown";
  }
}
