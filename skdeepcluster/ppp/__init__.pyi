from .ppp import PPP as PPP
