/* The memory of arenas and variables. A large block is mapped: its pages take no room before something is written there, and what
 * is not needed any more can be given back page by page. */
#ifndef HOOKLOOP_MEMORY_H
#define HOOKLOOP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { HL_LARGE_BYTES = 1 << 20 };

/* Aligned memory; NULL where there is none. */
char *hl_allocate(size_t bytes);

/* Frees what hl_allocate gave, or nothing where it is NULL. */
void hl_free(char *data);

/* Asks for huge pages for what is large, where the system has some, as NumPy does for its arrays. */
void hl_ask_for_huge_pages(char *data, size_t bytes);

/* An aligned block: zeros where it is large. NULL where there is no room. */
char *hl_block_new(int64_t bytes);

/* Frees a block of that many bytes, or nothing where it is NULL. */
void hl_block_free(char *block, int64_t bytes);

/* Gives back the whole pages among these bytes of a large block. They stay part of it and are zeros when they are read next. */
void hl_block_give_back(char *data, int64_t bytes);

/* Copies bytes that nobody reads any more from one large block to another and gives them back on the way, so that they take room
 * once. */
void hl_block_move(char *to, char *from, int64_t bytes);

#endif
