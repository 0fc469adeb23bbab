// Definitions in place: a link to the glossary or the bibliography shows its entry in a popover, on hover,
// on keyboard focus, and on tap. The popovers are in the page; without this script, the link is a link.
"use strict";

for (const definition of document.querySelectorAll(".definition[popover]")) {
  let closing;
  const links = document.querySelectorAll(`a[href="${CSS.escape(definition.dataset.for)}"], a[href="${definition.dataset.for}"]`);

  const open = (link) => {
    clearTimeout(closing);
    if (definition.matches(":popover-open")) return;
    definition.showPopover();
    const box = link.getClientRects()[0];
    const room = document.documentElement.clientWidth - definition.offsetWidth - 16;
    const below = box.bottom + 8;
    const fits = below + definition.offsetHeight < innerHeight;
    definition.style.left = `${Math.max(16, Math.min(box.left, room))}px`;
    definition.style.top = `${fits ? below : box.top - definition.offsetHeight - 8}px`;
  };
  const close = () => definition.matches(":popover-open") && definition.hidePopover();
  const closeSoon = () => (closing = setTimeout(close, 250));

  for (const link of links) {
    if (definition.contains(link)) continue;
    link.classList.add("defined");
    link.setAttribute("aria-describedby", definition.id);
    link.addEventListener("mouseenter", () => open(link));
    link.addEventListener("mouseleave", closeSoon);
    link.addEventListener("focus", () => link.matches(":focus-visible") && open(link));
    link.addEventListener("blur", (event) => definition.contains(event.relatedTarget) || closeSoon());
    link.addEventListener("click", (event) => {
      // A tap has no hover before it: the first one shows the definition, which holds the link to the page.
      if (event.pointerType === "touch" || event.pointerType === "pen") {
        event.preventDefault();
        open(link);
      }
    });
  }
  definition.addEventListener("mouseenter", () => clearTimeout(closing));
  definition.addEventListener("mouseleave", closeSoon);
  definition.addEventListener("focusout", closeSoon);
  addEventListener("scroll", close, { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && close());
}
