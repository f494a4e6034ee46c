-- Room within each page for the next version of a row, so that the commit's updates stay HOT.
ALTER TABLE "chats" SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE "chat_participants" SET (fillfactor = 80);
--> statement-breakpoint
INSERT INTO "history_log" DEFAULT VALUES;
