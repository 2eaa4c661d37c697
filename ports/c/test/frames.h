#ifndef VOLTSEAL_TEST_FRAMES_H
#define VOLTSEAL_TEST_FRAMES_H

#include <stdio.h>

/*
 * Answers frame by frame until there is none. Numbers have 32 bits, the lowest byte first. A frame: memory, room, how far from an aligned
 * address the memory begins, whether the digests of the images are checked, bytes of the base, of the patch, of what is written already, and the number of the block
 * behind which a journal says that it is written (2^32 - 1 for none); that journal's `next` (16 bytes); base, patch, written.
 * The answer: the code, how many bytes are written, how many places were journaled; those (written, offset, next); what is written.
 */
int answer_frames(FILE *in, FILE *out);

#endif
