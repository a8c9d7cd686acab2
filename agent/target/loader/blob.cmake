# -DIN=FILE -DOUT=FILE.c: the bytes of IN as loader_blob[].
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(........................................)" "\\1\n"
  bytes "${bytes}")
file(WRITE ${OUT} "#include \"agent/target/loader_blob.h\"\n\n"
  "const uint8_t loader_blob[] = {\n${bytes}\n};\n"
  "const size_t loader_blob_bytes = sizeof loader_blob;\n")
