// The grammar of patches, for providers that hold a model to it. Any thread.

/** Lark; the format that the patch engine reads. */
export const PATCH_GRAMMAR = `start: begin file+ end
begin: "*** Begin Patch" LF
end: "*** End Patch" LF?

file: added | deleted | updated
added: "*** Add File: " NAME LF ("+" TEXT? LF)+
deleted: "*** Delete File: " NAME LF
updated: "*** Update File: " NAME LF moved? hunk*

moved: "*** Move to: " NAME LF
hunk: anchor* line+ last?
anchor: "@@" LF | "@@ " TEXT LF
line: ("+" | "-" | " ") TEXT? LF
last: "*** End of File" LF

NAME: /[^\\n]+/
TEXT: /[^\\n]+/
LF: "\\n"
`;
