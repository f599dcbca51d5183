#include "CLeptonica.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

typedef struct Pix Pix;

struct leptonica {
  int (*read_header)(const uint8_t *, size_t, int32_t *format, int32_t *width, int32_t *height, int32_t *bits,
                     int32_t *samples, int32_t *has_palette);
  Pix *(*read)(const uint8_t *, size_t);
  Pix *(*convert_to_32)(Pix *);
  int (*dimensions)(const Pix *, int32_t *width, int32_t *height, int32_t *depth);
  uint32_t *(*data)(Pix *);
  int32_t (*words_per_line)(const Pix *);
  void (*destroy)(Pix **);
};

static const char *const names[] = {"liblept.so.5", "libleptonica.so.6", "liblept.5.dylib", "libleptonica.6.dylib"};
enum { severity_none = 6 };

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static leptonica functions;
static int is_loaded;  // guarded by `loading`

const leptonica *leptonica_load(char *error, size_t capacity) {
  pthread_mutex_lock(&loading);
  if (!is_loaded) {
    void *handle = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !handle; i++) {
      handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (handle) {
      *(void **)&functions.read_header = dlsym(handle, "pixReadHeaderMem");
      *(void **)&functions.read = dlsym(handle, "pixReadMem");
      *(void **)&functions.convert_to_32 = dlsym(handle, "pixConvertTo32");
      *(void **)&functions.dimensions = dlsym(handle, "pixGetDimensions");
      *(void **)&functions.data = dlsym(handle, "pixGetData");
      *(void **)&functions.words_per_line = dlsym(handle, "pixGetWpl");
      *(void **)&functions.destroy = dlsym(handle, "pixDestroy");
      int (*set_severity)(int) = (int (*)(int))dlsym(handle, "setMsgSeverity");
      is_loaded = functions.read_header && functions.read && functions.convert_to_32 && functions.dimensions &&
                  functions.data && functions.words_per_line && functions.destroy && set_severity;
      if (is_loaded) {
        // Damaged images are told by results, not on the standard error.
        set_severity(severity_none);
        const char *const handlers[] = {"TIFFSetErrorHandler", "TIFFSetWarningHandler"};
        for (size_t i = 0; i < 2; i++) {
          void *(*set_handler)(void *) = (void *(*)(void *))dlsym(handle, handlers[i]);
          if (set_handler) {
            set_handler(NULL);
          }
        }
      } else {
        dlclose(handle);
      }
    }
  }
  int found = is_loaded;
  pthread_mutex_unlock(&loading);
  if (!found && capacity) {
    snprintf(error, capacity, "Leptonica (%s) could not be opened; install the Debian package liblept5", names[0]);
  }
  return found ? &functions : NULL;
}

enum leptonica_outcome leptonica_decode(const leptonica *library, const uint8_t *bytes, size_t count, int64_t limit,
                                        leptonica_image *image) {
  int32_t format = 0, width = 0, height = 0, bits = 0, samples = 0, has_palette = 0;
  if (library->read_header(bytes, count, &format, &width, &height, &bits, &samples, &has_palette) || width <= 0 ||
      height <= 0) {
    return leptonica_undecodable;
  }
  if ((int64_t)width * height > limit) {
    return leptonica_too_large;
  }
  Pix *found = library->read(bytes, count);
  if (!found) {
    return leptonica_undecodable;
  }
  Pix *pixels = library->convert_to_32(found);
  library->destroy(&found);
  int32_t depth = 0;
  if (!pixels || library->dimensions(pixels, &width, &height, &depth) || depth != 32 || width <= 0 || height <= 0) {
    if (pixels) {
      library->destroy(&pixels);
    }
    return leptonica_undecodable;
  }
  if ((int64_t)width * height > limit) {
    library->destroy(&pixels);
    return leptonica_too_large;
  }
  *image = (leptonica_image){.pixels = pixels, .width = width, .height = height};
  return leptonica_decoded;
}

void leptonica_copy_rgb(const leptonica *library, const leptonica_image *image, uint8_t *rgb) {
  const uint32_t *line = library->data(image->pixels);
  const size_t stride = (size_t)library->words_per_line(image->pixels);
  for (int32_t y = 0; y < image->height; y++, line += stride) {
    for (int32_t x = 0; x < image->width; x++, rgb += 3) {
      // Red is the highest byte of the word, alpha the lowest.
      rgb[0] = (uint8_t)(line[x] >> 24);
      rgb[1] = (uint8_t)(line[x] >> 16);
      rgb[2] = (uint8_t)(line[x] >> 8);
    }
  }
}

void leptonica_close(const leptonica *library, leptonica_image *image) {
  Pix *pixels = image->pixels;
  library->destroy(&pixels);
  image->pixels = NULL;
}
