#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The functions of Leptonica that decode images, opened at run time. No header of the library is needed: the prototypes
/// have been the same since 1.74, and this target links against nothing.
typedef struct leptonica leptonica;

/// Opens the library once for the process. Several threads may call this at once.
///
/// Returns null with a sentence in `error` that names what is missing and the Debian package to install.
const leptonica *_Nullable leptonica_load(char *error, size_t capacity);

enum leptonica_outcome {
  leptonica_decoded = 0,
  /// No image, or a damaged one.
  leptonica_undecodable = 1,
  /// More pixels than `limit`.
  leptonica_too_large = 2,
};

/// A decoded image, to be closed.
typedef struct {
  void *_Nullable pixels;
  int32_t width, height;
} leptonica_image;

/// Decodes a whole file. What the file says of its size is compared with `limit` before any pixel is decoded; what a
/// decoder may take for the size that `pixReadHeaderMem` does not look at is the caller's to check.
enum leptonica_outcome leptonica_decode(const leptonica *library, const uint8_t *bytes, size_t count, int64_t limit,
                                        leptonica_image *image);

/// Writes red, green and blue of every pixel in rows: 3 · width · height bytes.
void leptonica_copy_rgb(const leptonica *library, const leptonica_image *image, uint8_t *rgb);

void leptonica_close(const leptonica *library, leptonica_image *image);

#pragma clang assume_nonnull end
