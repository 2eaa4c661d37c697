/*
 * Applies Voltseal's patches (docs/delta-format.md) on whatever runs C99: no heap, no recursion, no floating point, no globals that are written. It needs
 * <stdint.h>, <stddef.h> and <string.h> alone. All that it keeps lies in memory that it is handed, and is never more than the patch's header states.
 *
 *   read_header, begin, check_base; then take, block by block, until is_whole; then check_target.
 *   After a power cut: the same, but only the blocks of covers are taken, then resume, then the blocks behind the journal's place.
 *
 * Everything in a patch is taken for hostile. Behind a refusal the applier gives the same refusal for ever.
 */
#ifndef VOLTSEAL_PATCH_H
#define VOLTSEAL_PATCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What came of it; but for the last one, the codes of Voltseal's refusals. */
typedef enum {
  VOLTSEAL_PATCH_OK,
  VOLTSEAL_PATCH_MALFORMED,
  VOLTSEAL_PATCH_NEWER,
  VOLTSEAL_PATCH_ALTERED,
  VOLTSEAL_PATCH_BASE_DIFFERS,
  VOLTSEAL_PATCH_TARGET_DIFFERS,
  VOLTSEAL_PATCH_MEMORY_REFUSED,
  VOLTSEAL_PATCH_NO_ROOM,
  /* A callback said that it could not. */
  VOLTSEAL_PATCH_SLOT_FAILED
} voltseal_patch_code;

/* "patch-malformed" and the like; of what is no code, "unknown". */
const char *voltseal_patch_name(voltseal_patch_code code);

typedef enum {
  VOLTSEAL_PATCH_NONE,
  VOLTSEAL_PATCH_CORTEX_M,
  VOLTSEAL_PATCH_AARCH64,
  VOLTSEAL_PATCH_RISCV,
  VOLTSEAL_PATCH_ARM
} voltseal_patch_architecture;

#define VOLTSEAL_PATCH_HEADER_BYTES 108u
#define VOLTSEAL_PATCH_BLOCK_HEAD_BYTES 24u
#define VOLTSEAL_PATCH_CHAIN_BYTES 16u
/* Bytes that are read, or written, at once: so many, and of the base 16 more to either side. */
#define VOLTSEAL_PATCH_STEP_BYTES 512u

typedef struct {
  uint8_t architecture;
  uint8_t slot_bits;
  /* Where byte 0 of the image is run from. */
  uint32_t load;
  uint32_t base_length;
  uint32_t target_length;
  uint32_t covers;
  /* Bytes of the longest payload. */
  uint32_t longest;
  uint8_t base_sha256[32];
  uint8_t target_sha256[32];
  /* Of the first block. */
  uint8_t first[VOLTSEAL_PATCH_CHAIN_BYTES];
} voltseal_patch_header;

/*
 * Reads a header from the first bytes of a patch. MALFORMED (too short, not a patch, numbers that no patch has), NEWER (a version, or an
 * architecture, that is not known here, or was left out: VOLTSEAL_PATCH_WITHOUT_CORTEX_M, _AARCH64, _RISCV, _ARM).
 */
voltseal_patch_code voltseal_patch_read_header(const uint8_t *bytes, size_t length, voltseal_patch_header *header);

/* Bytes of memory that the header states: all that the applier takes, with room for one block. */
uint64_t voltseal_patch_memory(const voltseal_patch_header *header);

/* What is behind a block: kept in the journal once the bytes before it are durable. It is a hint: nothing is believed of it. */
typedef struct {
  /* Bytes of the new image. */
  uint32_t written;
  /* Where the next block begins in the patch. */
  uint32_t offset;
  /* What the next block's digest must be. */
  uint8_t next[VOLTSEAL_PATCH_CHAIN_BYTES];
} voltseal_patch_place;

/* What the applier asks for. Each answers 1 when it is done, and 0 when it cannot be: then the patch is refused with SLOT_FAILED. */
typedef struct {
  void *context;
  /* Bytes of the slot that is run from: within the base. */
  int (*read_old)(void *context, uint32_t at, uint8_t *bytes, uint32_t length);
  /* Bytes of the slot that is written: only those that were. */
  int (*read_new)(void *context, uint32_t at, uint8_t *bytes, uint32_t length);
  /* Writes behind what was written before, and never beyond the target. */
  int (*write)(void *context, uint32_t at, const uint8_t *bytes, uint32_t length);
  /* SHA-256 (FIPS 180-4) of some bytes behind others: one at a time. */
  void (*sha256_begin)(void *context);
  void (*sha256_add)(void *context, const uint8_t *bytes, size_t length);
  void (*sha256_end)(void *context, uint8_t digest[32]);
  /* Behind each whole block of bytes: flush what was written, then write the journal. May be NULL. */
  int (*journal)(void *context, const voltseal_patch_place *place);
} voltseal_patch_driver;

typedef struct voltseal_patch voltseal_patch;

/*
 * Begins. `length`: bytes of `memory`, of which as many are used as the header states, and no more; it may begin at any address, and belongs to the applier until
 * it is not used any more, as do header and driver. `room`: bytes that the new slot holds. MEMORY_REFUSED, NO_ROOM.
 */
voltseal_patch_code voltseal_patch_begin(voltseal_patch **patch, const voltseal_patch_header *header,
                                         const voltseal_patch_driver *driver, void *memory, size_t length,
                                         uint32_t room);

/* Reads the base once, and holds it against its digest: before the first block. BASE_DIFFERS. */
voltseal_patch_code voltseal_patch_check_base(voltseal_patch *patch);

/* Room for a block in the applier's memory: 24 bytes and the longest payload. Blocks that lie elsewhere may be taken from there. */
uint8_t *voltseal_patch_block_room(voltseal_patch *patch);

/* Bytes of a block whose first four are these. What has no room is no block of the patch. */
uint64_t voltseal_patch_block_length(const uint8_t *head);

/*
 * Takes the next block, and writes what it says. When this answers OK, all of its bytes were written, and journaled. ALTERED (not the block that
 * belongs here), MALFORMED. What was written of a block that was refused is not the target's, and behind `place`.
 */
voltseal_patch_code voltseal_patch_take(voltseal_patch *patch, const uint8_t *block, size_t length);

/*
 * Goes on where a journal says that it was: reads what is written, and learns from it what it had learned. The blocks of covers were taken before. MALFORMED for
 * what is no place in this patch.
 */
voltseal_patch_code voltseal_patch_resume(voltseal_patch *patch, const voltseal_patch_place *place);

/* 1 while blocks of covers come. After a restart they are wanted again. */
int voltseal_patch_wants_covers(const voltseal_patch *patch);

/* 1 when every byte of the new image was written. Whether it is that image, `check_target` says. */
int voltseal_patch_is_whole(const voltseal_patch *patch);

/* Where it has come to: behind the last block that was taken. */
void voltseal_patch_where(const voltseal_patch *patch, voltseal_patch_place *place);

/* Reads the new image back, all of it, and holds it against its digest: before anything becomes a candidate. TARGET_DIFFERS. */
voltseal_patch_code voltseal_patch_check_target(voltseal_patch *patch);

#ifdef __cplusplus
}
#endif

#endif
