/* After each inclusion of messages.def. */
#undef MESSAGE
#undef RECORD
#undef TEXT
#undef NAME_
#undef UUID
#undef HEXN
#undef BYTES
#undef UINT
#undef SINT
#undef REAL
#undef FLAG
#undef LIST
#undef END
