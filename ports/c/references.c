#include "references.h"

#include "voltseal_patch.h"

int is_known_architecture(uint32_t architecture) {
  switch (architecture) {
    case VOLTSEAL_PATCH_NONE:
#ifndef VOLTSEAL_PATCH_WITHOUT_CORTEX_M
    case VOLTSEAL_PATCH_CORTEX_M:
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_AARCH64
    case VOLTSEAL_PATCH_AARCH64:
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_RISCV
    case VOLTSEAL_PATCH_RISCV:
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_ARM
    case VOLTSEAL_PATCH_ARM:
#endif
      return 1;
    default:
      return 0;
  }
}

void foresee(uint32_t architecture, const moved_bytes *moved, const addressed *image) {
  (void)moved;
  (void)image;
  switch (architecture) {
#ifndef VOLTSEAL_PATCH_WITHOUT_CORTEX_M
    case VOLTSEAL_PATCH_CORTEX_M:
      foresee_thumb(moved, image);
      foresee_thumb_near(moved, image);
      foresee_words(moved, image);
      break;
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_AARCH64
    case VOLTSEAL_PATCH_AARCH64:
      foresee_aarch64(moved, image);
      break;
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_RISCV
    case VOLTSEAL_PATCH_RISCV:
      foresee_riscv(moved, image);
      break;
#endif
#ifndef VOLTSEAL_PATCH_WITHOUT_ARM
    case VOLTSEAL_PATCH_ARM:
      foresee_arm(moved, image);
      break;
#endif
    default:
      break;
  }
}
