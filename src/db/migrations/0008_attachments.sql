CREATE TABLE "attachments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"chat_id" uuid,
	"message_id" uuid,
	"place" smallint,
	"uploader_id" uuid NOT NULL,
	"status" text NOT NULL,
	"kind" text NOT NULL,
	"file_name" text NOT NULL,
	"content_type" text NOT NULL,
	"bytes" integer NOT NULL,
	"width" integer,
	"height" integer,
	"placeholder" text,
	"storage_key" text NOT NULL,
	"medium_key" text,
	"thumbnail_key" text,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "attachments_message" ON "attachments" USING btree ("message_id","place") WHERE "attachments"."message_id" is not null;--> statement-breakpoint
CREATE INDEX "attachments_waiting" ON "attachments" USING btree ("created_at") WHERE "attachments"."status" <> 'claimed';