// A module that makes no instance.
export const nothing = undefined
