-- Room within each page for the next version of a row, so that the commit's updates stay HOT.
ALTER TABLE "chats" SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE "chat_participants" SET (fillfactor = 80);
--> statement-breakpoint
-- In kilobytes: what a search may have to read beside the index while the indexer is busy.
ALTER INDEX "message_search_words" SET (gin_pending_list_limit = 1024);
--> statement-breakpoint
INSERT INTO "history_log" DEFAULT VALUES;
