// The texts of the parts that pages are made of.
import { sentences } from "../../isolated.ts";

export const trouble = {
  unknown: "Something went wrong on this page. Reload it.",
  retry: "Try again",
};

export const failed = {
  title: "This page could not be shown",
};

export const permissionChanges = {
  granted: { one: "permission granted", other: "permissions granted" },
  withdrawn: { one: "permission withdrawn", other: "permissions withdrawn" },
};

export const fieldProblems = sentences({
  tooLong: (most: string) => `Shorten this to ${most} characters.`,
});

export const unsaved = {
  title: "Leave without saving?",
  lead: "Unsaved changes, or a secret not yet copied, will be lost.",
  leave: "Leave",
  stay: "Stay here",
};

export const typed = {
  title: "Discard what you typed?",
  lead: "Closing this form loses your input.",
  discard: "Discard",
  keep: "Keep editing",
};

export const copy = {
  copied: "Copied",
  failed: "The browser did not allow copying. Select the text and copy it.",
};

export const secret = sentences({
  hidden: "Hidden",
  show: "Show",
  hide: "Hide",
  showLabel: (label: string) => `Show ${label.toLowerCase()}`,
  hideLabel: (label: string) => `Hide ${label.toLowerCase()}`,
  question: "Close now? It will not be shown again.",
  close: "Close",
  keep: "Keep it open",
});
