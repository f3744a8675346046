/* notify.h - telling systemd how we are (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
 *
 * The protocol is one sendto(); libsystemd would bring compressors and crypto libraries into a
 * process that guards a CA, so it is spoken here. */
#ifndef CB_BASE_NOTIFY_H
#define CB_BASE_NOTIFY_H

/* notify_systemd - "READY=1", "RELOADING=1\nMONOTONIC_USEC=..", "STOPPING=1"; nothing happens when
 * no $NOTIFY_SOCKET is set. */
void notify_systemd(const char *state);

#endif
