CREATE TABLE "agents" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"availability" text DEFAULT 'available' NOT NULL,
	"capacity" integer DEFAULT 5 NOT NULL,
	"teams" text[] DEFAULT '{}' NOT NULL,
	"session_ids" uuid[] DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone NOT NULL,
	"actor_id" uuid,
	"action" text NOT NULL,
	"chat_id" uuid,
	"target_id" uuid,
	"ip_address" text,
	"details" json
);
--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "parent_id" uuid;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "external_id" text;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "team" text;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "metadata" json;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "queued_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "closed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "chats" ADD COLUMN "close_reason" text;--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "agents_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_actor" ON "audit_log" USING btree ("actor_id","id");--> statement-breakpoint
CREATE INDEX "audit_log_chat" ON "audit_log" USING btree ("chat_id","id") WHERE "audit_log"."chat_id" is not null;--> statement-breakpoint
CREATE INDEX "chats_queue" ON "chats" USING btree ("queued_at","id") WHERE "chats"."status" = 'waiting';--> statement-breakpoint
CREATE INDEX "chats_sessions" ON "chats" USING btree ("created_at","id") WHERE "chats"."kind" = 'session';--> statement-breakpoint
CREATE INDEX "chats_assignee" ON "chats" USING btree ("assignee_id","created_at") WHERE "chats"."kind" = 'session';--> statement-breakpoint
CREATE INDEX "chats_customer" ON "chats" USING btree ("owner_id","created_at") WHERE "chats"."kind" = 'session';--> statement-breakpoint
CREATE INDEX "chats_external" ON "chats" USING btree ("external_id") WHERE "chats"."external_id" is not null;--> statement-breakpoint
CREATE INDEX "users_staff" ON "users" USING btree ("type") WHERE "users"."type" in ('agent', 'admin');